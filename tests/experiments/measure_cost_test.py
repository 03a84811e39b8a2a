"""The script on cost makes an update and an action of every size it names."""

import experiment_scripts
import jax
import pytest


@pytest.fixture(scope='module')
def script():
  with experiment_scripts.load('measure_cost') as loaded:
    yield loaded.names


@pytest.mark.slow
def test_every_size_can_be_made(script):
  for varied, values in script['_VALUES'].items():
    assert script['_DEFAULTS'][varied] in values
    # Shapes alone, of the least and the largest size: to compile all of them
    # takes minutes.
    for value in (min(values), max(values)):
      sizes = script['_DEFAULTS'] | {varied: value}
      for call in script['_make_calls'](*sizes.values()):
        jax.eval_shape(call)


def test_a_size_is_measured(script):
  for call in script['_make_calls'](2, 2, 8):
    # The first call compiles.
    jax.block_until_ready(call())
    assert 0 < script['_seconds'](call) < 1
