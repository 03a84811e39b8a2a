"""Tests of how a process chooses what it renders with."""

import pytest

from quinoa_acme.runs.watching import rendering


def _break(monkeypatch, *broken):
  """Lets these backends fail, and all others render."""
  asked = []

  def why_not(backend):
    asked.append(backend)
    return f'no lib{backend}' if backend in broken else None

  monkeypatch.setattr(rendering, 'why_not', why_not)
  return asked


def test_the_first_that_renders_is_taken(monkeypatch):
  monkeypatch.setenv('MUJOCO_GL', '')
  asked = _break(monkeypatch, 'egl')
  assert rendering.choose_backend() == 'osmesa'
  assert asked == ['egl', 'osmesa']
  # From now on it is the process's choice.
  assert rendering.choose_backend() == 'osmesa'
  assert asked[2:] == ['osmesa']


def test_where_none_renders_each_reason_is_told(monkeypatch):
  monkeypatch.setenv('MUJOCO_GL', '')
  _break(monkeypatch, *rendering.BACKENDS)
  with pytest.raises(
    rendering.RenderingError, match=r'egl: no libegl; osmesa: .*`apt install'
  ):
    rendering.choose_backend()


def test_the_users_choice_is_not_replaced(monkeypatch):
  monkeypatch.setenv('MUJOCO_GL', 'glfw')
  asked = _break(monkeypatch, 'glfw')
  with pytest.raises(rendering.RenderingError, match='leave MUJOCO_GL unset'):
    rendering.choose_backend()
  assert asked == ['glfw']
