"""Launchers are found by the launch type, and nothing else knows of them."""

import pathlib

from launchpad import context as lp_context
import pytest

from quinoa_acme.runs.distributed import launchers
from quinoa_acme.runs.distributed import vertex_ai

_PACKAGE = pathlib.Path(__file__).resolve().parents[3] / 'quinoa_acme'


@pytest.mark.parametrize('launch_type', launchers.LAUNCH_TYPES)
def test_each_is_one_of_launchpads(launch_type):
  launcher = launchers.find(launch_type)
  assert launcher is not None
  assert launcher.machines()
  assert lp_context.LaunchType(launch_type)


@pytest.mark.parametrize('launch_type', [None, 'local_mp', 'test_mt'])
def test_those_of_this_machine_have_none(launch_type):
  assert launchers.find(launch_type) is None


def test_what_it_refuses_is_told_as_any_launchers():
  assert issubclass(vertex_ai.VertexAIError, launchers.LaunchError)


def test_nothing_else_imports_it():
  own = _PACKAGE / 'runs' / 'distributed' / 'vertex_ai'
  others = [x for x in _PACKAGE.rglob('*.py') if own not in x.parents]
  assert others
  for path in others:
    for line in path.read_text(encoding='utf-8').splitlines():
      is_import = line.lstrip().startswith(('import ', 'from '))
      assert not (is_import and 'vertex_ai' in line), path
