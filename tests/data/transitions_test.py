"""What may be done with transitions over several steps, and what may not."""

import jax
import numpy as np
import pytest

from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import transitions
from quinoa_acme.utils import specs

_NUMBER = specs.Array((), np.float32)
_SPEC = specs.EnvironmentSpec(
  specs.Array((2,), np.float32),
  specs.BoundedArray((1,), np.float32, -1.0, 1.0),
  _NUMBER,
  _NUMBER,
)


def _zeros(window: int):
  return jax.tree_util.tree_map(
    lambda leaf: np.zeros(leaf.shape, leaf.dtype),
    transitions.make_spec(_SPEC, window),
  )


@pytest.mark.parametrize('part', ['observation', 'action', 'reward'])
def test_the_first_step_of_a_window_is_not_changed_alone(part):
  window = _zeros(3)
  with pytest.raises(ValueError, match=f"'{part}'.*returns=OneStep"):
    window._replace(**{part: getattr(window, part)})


@pytest.mark.parametrize('part', ['observation', 'action', 'reward'])
def test_a_window_is_changed_with_its_later_steps(part):
  window = _zeros(3)
  changed = window._replace(
    **{part: 1 + getattr(window, part)}, extras=window.extras
  )
  assert isinstance(changed, transitions.Window)
  np.testing.assert_array_equal(getattr(changed, part), 1)


def test_one_step_is_changed_freely():
  transition = _zeros(1)
  assert not isinstance(transition, transitions.Window)
  np.testing.assert_array_equal(transition._replace(reward=1).reward, 1)


def test_samples_are_windows_within_jax_too():
  replay = replay_lib.TransitionReplay(_SPEC, 10, seed=0, window=3)
  replay.insert(_zeros(3))
  sample = replay.sample(4)
  assert isinstance(sample, transitions.Window)

  @jax.jit
  def rewrite(batch):
    return batch._replace(reward=0 * batch.reward)

  with pytest.raises(ValueError, match="'reward'"):
    rewrite(sample)
