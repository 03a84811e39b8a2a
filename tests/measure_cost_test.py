"""The script on cost makes an update and an action of every size it names."""

import pathlib
import runpy

import jax
import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(scope='module')
def script():
  """The script's names; its flags go again, for other scripts have such."""
  from absl import flags

  before = set(flags.FLAGS)
  yield runpy.run_path(str(_ROOT / 'experiments' / 'measure_cost.py'))
  for name in set(flags.FLAGS) - before:
    delattr(flags.FLAGS, name)


@pytest.mark.slow
def test_every_size_can_be_made(script):
  for varied, values in script['_VALUES'].items():
    assert script['_DEFAULTS'][varied] in values
    # Shapes alone: to compile all of them takes minutes.
    for value in values:
      sizes = script['_DEFAULTS'] | {varied: value}
      for call in script['_make_calls'](*sizes.values()):
        jax.eval_shape(call)


def test_a_size_is_measured(script):
  for call in script['_make_calls'](2, 2, 8):
    # The first call compiles.
    jax.block_until_ready(call())
    assert 0 < script['_seconds'](call) < 1
