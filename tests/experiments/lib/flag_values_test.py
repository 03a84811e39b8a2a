"""What flags hold."""

import pytest

from experiments.lib import flag_values


def test_numbers_are_read():
  assert flag_values.read_numbers('actors', ['1', '16']) == [1, 16]


@pytest.mark.parametrize('texts', [[], ['0'], ['1', 'none'], ['-1']])
def test_numbers_are_whole_and_above_zero(texts):
  with pytest.raises(ValueError, match='--batch_sizes='):
    flag_values.read_numbers('batch_sizes', texts)
