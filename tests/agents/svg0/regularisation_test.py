"""Tests of the penalties' options."""

import pytest

from quinoa_acme.agents.svg0 import regularisation


@pytest.mark.parametrize('weight', [0.0, -1.0, float('nan'), float('inf')])
@pytest.mark.parametrize(
  'kind',
  [regularisation.EntropyRegularisation, regularisation.KLRegularisation],
)
def test_a_weight_that_is_none_is_refused(kind, weight):
  assert kind(weight=0.5).weight == 0.5
  with pytest.raises(ValueError, match='weight must be positive'):
    kind(weight=weight)
