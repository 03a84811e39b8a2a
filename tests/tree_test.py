"""The tree: nothing is imported upwards or in a circle, and tests mirror it."""

import ast
from collections.abc import Iterator, Mapping
import pathlib
import re

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_PACKAGE = 'quinoa_acme'
# From below to above. A folder imports what is in its row or below it; '' is
# the top of the package. A folder or module that is named counts for itself,
# apart from the folder that it is in.
_LAYERS = (
  ('utils',),
  ('compat',),
  ('networks',),
  ('environments',),
  ('data',),
  ('agents',),
  ('runs/watching', 'runs/checkpoints'),
  ('runs',),
  ('',),
  ('export',),
  ('cli', '__main__'),
)
# Of a script of `experiments/`.
_MAX_LINES = 60


def _modules() -> dict[str, pathlib.Path]:
  """Every module and package by its name."""
  found = {}
  for path in (_ROOT / _PACKAGE).rglob('*.py'):
    parts = path.relative_to(_ROOT).with_suffix('').parts
    found['.'.join(parts).removesuffix('.__init__')] = path
  return found


_MODULES = _modules()


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
  """All nodes but those of imports for a type checker."""
  for node in ast.iter_child_nodes(tree):
    if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
      continue
    yield node
    yield from _nodes(node)


def _imports(path: pathlib.Path) -> set[str]:
  """What a module imports anywhere, in functions too."""
  found = set()
  for node in _nodes(ast.parse(path.read_text(encoding='utf-8'))):
    if isinstance(node, ast.ImportFrom) and node.module:
      for alias in node.names:
        name = f'{node.module}.{alias.name}'
        found.add(name if name in _MODULES else node.module)
    elif isinstance(node, ast.Import):
      found |= {alias.name for alias in node.names}
  return found


_GRAPH = {name: _imports(path) for name, path in _MODULES.items()}


def _find_circle(graph: Mapping[str, set[str]]) -> list[str]:
  """Names each of which imports the next one, the last the first; or none."""
  done: set[str] = set()

  def visit(name: str, way: list[str]) -> list[str]:
    if name in way:
      return way[way.index(name) :]
    if name in done or name not in graph:
      return []
    done.add(name)
    for other in sorted(graph[name]):
      if circle := visit(other, [*way, name]):
        return circle
    return []

  for name in graph:
    if circle := visit(name, []):
      return circle
  return []


def test_a_circle_is_found():
  graph = {'a': {'b'}, 'b': {'c', 'x'}, 'c': {'d'}, 'd': {'b'}}
  assert sorted(_find_circle(graph)) == ['b', 'c', 'd']
  assert _find_circle({**graph, 'd': {'x'}}) == []


def test_nothing_is_imported_in_a_circle():
  assert len(_GRAPH) > 80
  assert not _find_circle(_GRAPH)


def _layer(name: str) -> int:
  """The height of a module, by the longest path that is named."""
  path = _MODULES[name].relative_to(_ROOT / _PACKAGE).with_suffix('')
  for part in (path, *path.parents):
    key = '' if part == pathlib.Path() else part.as_posix()
    for height, names in enumerate(_LAYERS):
      if key in names:
        return height
  raise AssertionError(f'{name} is in a folder of no layer.')


@pytest.mark.parametrize('name', sorted(_MODULES))
def test_nothing_is_imported_upwards(name):
  height = _layer(name)
  ours = sorted(_GRAPH[name] & _MODULES.keys())
  assert not [other for other in ours if _layer(other) > height]
  # What measures the package is no part of it.
  others = {other.split('.')[0] for other in _GRAPH[name]}
  assert not others & {'benchmarks', 'examples', 'experiments', 'tests'}


def _test_of(path: pathlib.Path) -> pathlib.Path:
  """Where the tests of a module are: as it lies in the package, or `lib`."""
  inner = path.relative_to(_ROOT)
  if inner.parts[0] == _PACKAGE:
    inner = inner.relative_to(_PACKAGE)
  name = f'{inner.stem.strip("_")}_test.py'
  return _ROOT / 'tests' / inner.with_name(name)


def _without_test() -> list[str]:
  paths = [
    path
    for folder in (_PACKAGE, 'experiments/lib')
    for path in (_ROOT / folder).rglob('*.py')
    if path.name != '__init__.py'
  ]
  return sorted(
    path.relative_to(_ROOT).as_posix()
    for path in paths
    if not _test_of(path).exists()
  )


_NAMED = sorted(
  set(re.findall(r'`([\w./]+\.py)`', (_ROOT / 'ARCHITECTURE.md').read_text()))
)


@pytest.mark.parametrize('name', _NAMED)
def test_the_architecture_names_what_is_there(name):
  # By the end of its path: its page says in which folder it is.
  parts = pathlib.Path(name).parts
  paths = [*_MODULES.values(), *(_ROOT / 'tests').glob('*.py')]
  assert [path for path in paths if path.parts[-len(parts) :] == parts]


def test_a_script_is_short():
  # What it does is in `experiments/lib/`.
  lengths = {
    path.name: len(path.read_text(encoding='utf-8').splitlines())
    for path in (_ROOT / 'experiments').glob('*.py')
  }
  assert lengths
  assert not {name: x for name, x in lengths.items() if x > _MAX_LINES}


def test_every_module_has_a_test_file_where_it_lies_itself():
  assert not _without_test()
