"""The script on cost makes updates and actions of the sizes that it names."""

import jax
import pytest

from experiments.lib import cost


@pytest.mark.slow
@pytest.mark.parametrize('end', [min, max])
def test_the_least_and_the_largest_sizes_can_be_made(end):
  values = cost.VALUES
  assert all(cost.DEFAULTS[varied] in values[varied] for varied in values)
  # Shapes alone: to compile the largest takes a minute.
  for call in cost.make_calls(*map(end, values.values())):
    jax.eval_shape(call)


def test_a_size_is_measured():
  for call in cost.make_calls(2, 2, 8):
    # The first call compiles.
    jax.block_until_ready(call())
    assert 0 < cost.time_call(call) < 1
