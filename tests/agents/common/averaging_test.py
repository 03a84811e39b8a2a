"""How target networks follow the online parameters."""

import numpy as np
import pytest

from quinoa_acme.agents.common import averaging

_ONLINE = {'w': np.full(2, 8.0, np.float32)}
_SLOW = {'w': np.zeros(2, np.float32)}


@pytest.mark.parametrize(
  ('option', 'steps', 'expected'),
  [
    (averaging.CopyEvery(3), 2, 0.0),
    (averaging.CopyEvery(3), 3, 8.0),
    (averaging.CopyEvery(3), 4, 0.0),
    (averaging.CopyEvery(1), 1, 8.0),
    (averaging.Polyak(0.25), 2, 2.0),
    (averaging.Polyak(1.0), 2, 8.0),
  ],
)
def test_every_leaf_is_copied_or_averaged(option, steps, expected):
  copy = averaging.update(option, _ONLINE, _SLOW, np.int32(steps))
  np.testing.assert_allclose(copy['w'], np.full(2, expected))


@pytest.mark.parametrize('rate', [0.0, -0.1, 1.5, float('nan')])
def test_a_rate_out_of_its_range_is_refused(rate):
  with pytest.raises(ValueError, match=r'rate must be in \(0, 1\]'):
    averaging.Polyak(rate)


@pytest.mark.parametrize('period', [0, 1.5, 2**31])
def test_a_period_is_a_number_of_steps(period):
  with pytest.raises(ValueError, match='period must be'):
    averaging.CopyEvery(period)
