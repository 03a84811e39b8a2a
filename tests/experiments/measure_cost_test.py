"""The script on cost makes updates and actions of the sizes that it names."""

import experiment_scripts
import jax
import pytest


@pytest.fixture(scope='module')
def script():
  with experiment_scripts.load('measure_cost') as loaded:
    yield loaded.names


@pytest.mark.slow
@pytest.mark.parametrize('end', [min, max])
def test_the_least_and_the_largest_sizes_can_be_made(end, script):
  values = script['_VALUES']
  assert all(script['_DEFAULTS'][varied] in values[varied] for varied in values)
  # Shapes alone: to compile the largest takes a minute.
  for call in script['_make_calls'](*map(end, values.values())):
    jax.eval_shape(call)


def test_a_size_is_measured(script):
  for call in script['_make_calls'](2, 2, 8):
    # The first call compiles.
    jax.block_until_ready(call())
    assert 0 < script['_seconds'](call) < 1
