"""A missing package is told with the extra that has it."""

import pytest

from quinoa_acme.utils import extras


def test_it_names_the_package_and_the_extra():
  with (
    pytest.raises(extras.MissingExtraError) as raised,
    extras.needed_for('A thing'),
  ):
    raise ModuleNotFoundError('No module', name='reverb.item_selectors')
  said = str(raised.value)
  assert said.startswith('A thing needs reverb, which is not installed')
  assert "'quinoa-acme[distributed]' with Python 3.10" in said
  assert '\n' not in said


def test_what_else_is_missing_is_said_as_python_says_it():
  with (
    pytest.raises(ModuleNotFoundError, match='No module'),
    extras.needed_for('A thing'),
  ):
    raise ModuleNotFoundError('No module', name='numpy')
