"""Runs that learn from a fixed data set, as rows."""

import pytest

from experiments.lib import offline_runs


def test_an_option_is_split_at_its_first_equals_sign():
  assert offline_runs.split('fit=CriticFit(num_critics=2)') == (
    'fit',
    'CriticFit(num_critics=2)',
  )
  with pytest.raises(ValueError, match='expected a field=value'):
    offline_runs.split('conservatism')
