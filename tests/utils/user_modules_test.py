"""Modules of the user's own are imported by name or by path, and only then."""

import os
import sys

import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.utils import user_modules

_COUNT = """
import pathlib
path = pathlib.Path(__file__).with_suffix('.txt')
path.write_text(path.read_text() + 'x' if path.exists() else 'x')

class Own:
  pass
"""


def test_a_file_is_run_once_as_a_module_of_its_own_name(tmp_path):
  (tmp_path / 'some_file.py').write_text(_COUNT)
  place = str(tmp_path / 'some_file.py')
  own = user_modules.load(place).Own
  user_modules.load_all([place])
  assert user_modules.load(place).Own is own
  assert (tmp_path / 'some_file.txt').read_text() == 'x'
  assert own.__module__ == 'some_file'
  assert not user_modules.is_imported(own)
  # One that was changed is another.
  os.utime(place, (0, 0))
  assert user_modules.load(place).Own is not own
  assert (tmp_path / 'some_file.txt').read_text() == 'xx'


def test_a_module_of_the_current_folder_hides_none_that_is_installed(
  tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, 'path', [*sys.path])
  (tmp_path / 'some_module.py').write_text(_COUNT)
  (tmp_path / 'haiku.py').write_text('raise RuntimeError')
  own = user_modules.load('some_module').Own
  assert user_modules.is_imported(own)
  assert user_modules.load('haiku').transform
  assert user_modules.places_of([own, quinoa.QuinoaConfig]) == ['some_module']


@pytest.mark.parametrize('place', ['nowhere', 'nowhere.py'])
def test_one_that_is_not_there_is_named(place):
  with pytest.raises(ValueError, match=f'modules={place!r}: not found'):
    user_modules.load_all(place)
