"""A module is loaded in another way, and others as always."""

import importlib
import sys

import pytest

from quinoa_acme.utils import module_loaders


@pytest.fixture
def name(tmp_path, monkeypatch):
  """The name of a module that is not imported yet."""
  (tmp_path / 'loaded_otherwise.py').write_text('value = 1\n')
  monkeypatch.syspath_prepend(str(tmp_path))
  monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
  yield 'loaded_otherwise'
  sys.modules.pop('loaded_otherwise', None)


def test_something_is_done_once_the_module_is_there(name):
  seen = []

  def look() -> None:
    seen.append(sys.modules[name].value)

  finder = module_loaders.LoadedBy(
    name, lambda loader: module_loaders.Then(loader, look)
  )
  sys.meta_path.insert(0, finder)
  module = importlib.import_module(name)
  assert seen == [1]
  # What the loader itself has stays, e.g. for tracebacks.
  assert 'value = 1' in module.__loader__.get_source(name)


def test_a_wrapper_may_change_what_the_module_is(name):
  class Doubled(module_loaders.Wrapper):
    def exec_module(self, module):
      self._loader.exec_module(module)
      module.value *= 2

  sys.meta_path.insert(0, module_loaders.LoadedBy(name, Doubled))
  assert importlib.import_module(name).value == 2


def test_other_modules_and_missing_ones_are_left_alone(name):
  finder = module_loaders.LoadedBy('no_such_module', module_loaders.Wrapper)
  assert finder.find_spec(name) is None
  assert finder.find_spec('no_such_module') is None
