"""Names that are imported when they are asked for."""

import fractions
import sys
import types

import pytest

from quinoa_acme.utils import lazy


@pytest.fixture
def package(monkeypatch):
  module = types.ModuleType('lazy_package')
  monkeypatch.setitem(sys.modules, module.__name__, module)
  names = {'Fraction': 'fractions', 'Odd': 'fractions'}
  module.__dict__['__getattr__'] = lazy.attach(module.__name__, names)
  return module


def test_a_name_is_found_in_its_module_and_kept(package):
  assert 'Fraction' not in vars(package)
  assert package.Fraction is fractions.Fraction
  assert vars(package)['Fraction'] is fractions.Fraction


def test_what_is_not_there_is_said_as_python_says_it(package):
  with pytest.raises(AttributeError, match=r"'lazy_package' has no .* 'No'"):
    _ = package.No
  with pytest.raises(AttributeError, match=r"'fractions' has no .* 'Odd'"):
    _ = package.Odd
