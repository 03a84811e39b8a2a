"""The public interface is what is written down, and has examples."""

import doctest
import importlib
import pathlib
import re
import runpy

import pytest

import quinoa_acme

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_API = runpy.run_path(str(_ROOT / 'scripts' / 'public_api.py'))


def test_the_public_interface_is_the_committed_one():
  assert _API['describe']() == _API['PATH'].read_text(), 'see `make api`'


def _shown_code() -> str:
  """All code that shows how the package is used, and that tests run."""
  pages = [_ROOT / 'README.md', _ROOT / 'docs' / 'tutorial.md']
  code = [
    block
    for page in pages
    for block in re.findall(r'```python\n(.*?)```', page.read_text(), re.DOTALL)
  ]
  examples = (_ROOT / 'examples').glob('*.py')
  code += [path.read_text() for path in examples]
  for path in (_ROOT / 'quinoa_acme').rglob('*.py'):
    code += re.findall(r'^ *(?:>>>|\.\.\.) .*$', path.read_text(), re.MULTILINE)
  return '\n'.join(code)


@pytest.mark.parametrize('module', _API['MODULES'])
def test_every_public_name_is_shown_in_use(module):
  shown = _shown_code()
  names = importlib.import_module(module).__all__
  assert not [name for name in names if not re.search(rf'\b{name}\b', shown)]


def test_every_name_of_the_package_is_listed_in_the_documentation():
  listed = (_ROOT / 'docs' / 'api' / 'index.md').read_text()
  assert not [
    name for name in quinoa_acme.__all__ if f'[`{name}`]' not in listed
  ]


_WITH_DOCTESTS = [
  '.'.join(path.relative_to(_ROOT).with_suffix('').parts)
  for path in sorted((_ROOT / 'quinoa_acme').rglob('*.py'))
  if '>>>' in path.read_text()
]


@pytest.mark.slow
@pytest.mark.parametrize('name', _WITH_DOCTESTS)
def test_the_examples_in_docstrings_are_true(name):
  result = doctest.testmod(
    importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
  )
  assert result.attempted
  assert not result.failed
