"""Tests of what is done every so many seconds."""

import pytest

from quinoa_acme.utils import timers


@pytest.fixture
def clock(monkeypatch):
  """The seconds that a timer sees; a test moves them."""
  seconds = [1000.0]
  monkeypatch.setattr(timers.time, 'monotonic', lambda: seconds[0])
  return seconds


def test_a_timer_is_over_after_its_seconds_and_stays_so(clock):
  timer = timers.Timer(2.0)
  assert not timer.is_over()
  clock[0] += 1.9
  assert not timer.is_over()
  clock[0] += 0.1
  assert timer.is_over()
  clock[0] += 100.0
  assert timer.is_over()
  # From now, not from when it was due.
  timer.restart()
  clock[0] += 1.9
  assert not timer.is_over()


def test_a_timer_may_be_over_at_first(clock):
  timer = timers.Timer(2.0, is_over=True)
  assert timer.is_over()
  timer.restart()
  assert not timer.is_over()


def test_a_timer_of_no_seconds_is_always_over(clock):
  timer = timers.Timer(0.0)
  for _ in range(2):
    assert timer.is_over()
    timer.restart()
