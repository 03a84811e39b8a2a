"""Modules are found by the names that they had, with a word on those of now."""

import ast
import importlib
import pathlib
import subprocess
import sys

import pytest

from quinoa_acme.compat import old_names

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# What a process that imports each by its old name sees.
_PROGRAM = """
import importlib, sys, warnings
import quinoa_acme
from quinoa_acme.compat import old_names
for old, new in old_names.NAMES.items():
  with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always', DeprecationWarning)
    found = importlib.import_module(old)
  assert found is sys.modules[new], old
  assert found.__name__ == found.__spec__.name == new, old
  [said] = [x for x in caught if f'{old} is now {new};' in str(x.message)]
  assert said.filename == importlib.__file__, said.filename
"""


@pytest.mark.slow
def test_every_old_name_gives_the_module_of_now():
  subprocess.run([sys.executable, '-c', _PROGRAM], check=True)


def test_the_warning_points_at_the_import():
  code = 'import quinoa_acme\nfrom quinoa_acme import validation as found\n'
  code += 'import quinoa_acme.utils.validation as now\nassert found is now'
  result = subprocess.run(
    [sys.executable, '-c', code], check=True, capture_output=True, text=True
  )
  # Of the program itself, and so shown without being asked for.
  assert result.stderr.startswith(
    '<string>:2: DeprecationWarning: quinoa_acme.'
  )
  assert 'is now quinoa_acme.utils.validation' in result.stderr


def test_what_has_moved_is_found_where_it_was():
  from quinoa_acme.data import adders
  from quinoa_acme.data import replay

  with pytest.warns(DeprecationWarning, match=r'now quinoa_acme\.data\.adders'):
    assert replay.ReplayAdder is adders.ReplayAdder
  with pytest.raises(AttributeError, match="no attribute 'nothing'"):
    replay.nothing  # noqa: B018


def test_what_is_nowhere_is_not_found():
  with pytest.raises(ModuleNotFoundError, match=r'runs\.nothing'):
    importlib.import_module('quinoa_acme.runs.nothing')


def _exists(name: str) -> bool:
  path = _ROOT.joinpath(*name.split('.'))
  return path.with_suffix('.py').exists() or (path / '__init__.py').exists()


@pytest.mark.parametrize('old', old_names.NAMES)
def test_a_name_is_one_or_the_other(old):
  assert not _exists(old)
  assert _exists(old_names.NAMES[old])


@pytest.mark.parametrize(
  'folder', ['quinoa_acme', 'experiments', 'benchmarks', 'examples', 'tests']
)
def test_nothing_of_ours_has_an_old_name(folder):
  for path in (_ROOT / folder).rglob('*.py'):
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
      names = []
      if isinstance(node, ast.ImportFrom) and node.module:
        names = [f'{node.module}.{x.name}' for x in node.names]
        names.append(node.module)
      elif isinstance(node, ast.Import):
        names = [x.name for x in node.names]
      assert not old_names.NAMES.keys() & set(names), path
