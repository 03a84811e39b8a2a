"""A class counts as another package's, whichever is imported first."""

import sys

import pytest

from quinoa_acme.utils import counts_as

_SOURCE = """
import abc
class Base(abc.ABC): ...
"""


@pytest.fixture
def other(tmp_path, monkeypatch):
  """The name of a module that is not imported yet."""
  (tmp_path / 'other_package.py').write_text(_SOURCE)
  monkeypatch.syspath_prepend(str(tmp_path))
  yield 'other_package'
  sys.modules.pop('other_package', None)
  counts_as._pending.pop('other_package', None)


def test_the_other_is_imported_later(other):
  @counts_as.counts_as(other, 'Base')
  class Own: ...

  class Derived(Own): ...

  assert other not in sys.modules
  import other_package  # pyright: ignore[reportMissingImports]

  assert issubclass(Derived, other_package.Base)
  assert isinstance(Own(), other_package.Base)
  assert other_package.Base not in Own.__mro__


def test_the_other_is_already_imported(other):
  import other_package  # pyright: ignore[reportMissingImports]

  @counts_as.counts_as(other, 'Base')
  class Own: ...

  assert isinstance(Own(), other_package.Base)


def test_a_missing_module_stays_missing():
  @counts_as.counts_as('no_such_package', 'Base')
  class Own: ...

  del Own
  try:
    with pytest.raises(ModuleNotFoundError):
      __import__('no_such_package')
  finally:
    counts_as._pending.pop('no_such_package')
