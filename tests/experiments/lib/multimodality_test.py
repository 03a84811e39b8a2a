"""Tests of finding the state in which a policy has the most modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.lib import multimodality
from quinoa_acme.agents import quinoa
from quinoa_acme.networks import box as box_lib

_LOOK = multimodality.Look(grid_size=16, num_samples=8)


def _tilted(x, slope):
  """log of slope·exp(slope·x) / (2 sinh slope), a density on [-1, 1]."""
  return slope * x - jnp.log(2.0 * jnp.sinh(slope) / slope)


def _make_policy() -> quinoa.QuinoaPolicy:
  """Of four dimensions; the first two favour equal signs by the observation.

  With c the one number observed, p(a) is 1/32 · sum over s = -1, 1 of
  t(a1; s·c) · t(a2; s·c) · 4, with t a truncated exponential.
  """

  def log_prob(variables, observation, action):
    del variables
    slope = jnp.broadcast_to(observation[:, 0], action.shape[:-1])
    joint = [
      _tilted(action[..., 0], sign * slope)
      + _tilted(action[..., 1], sign * slope)
      for sign in (-1.0, 1.0)
    ]
    return jnp.logaddexp(*joint) - jnp.log(8.0)

  def draw(variables, key, observation, num_actions):
    # The marginals do not depend on what is drawn in the pair itself, and the
    # two pairs are independent, so that uniform draws serve.
    shape = (num_actions, observation.shape[0], 4)
    action = jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)
    return action, log_prob(variables, observation, action)

  def unused(*args):
    raise NotImplementedError

  return quinoa.QuinoaPolicy(
    init=unused,
    log_prob=log_prob,
    sample=unused,
    draw=draw,
    mode=unused,
    uniform_log_prob=-4 * float(np.log(2)),
    num_dimensions=4,
    share_at_bounds=unused,
  )


def _make_box(num_dimensions=4, shape=None) -> box_lib.Box:
  ones = np.ones(num_dimensions, np.float32)
  return box_lib.Box(-ones, ones, shape or (num_dimensions,))


@pytest.fixture
def view():
  variables = quinoa.PolicyVariables({}, jnp.ones(()))
  return multimodality.PolicyView(_make_policy(), variables, _make_box())


def test_the_state_with_the_deepest_valley_is_found(view):
  # Ten states: more than one chunk, and not a multiple of it.
  slopes = [0.1, 0.5, 1.0, 0.2, 2.0, 0.3, 0.4, 4.0, 1.5, 0.6]
  observations = np.array(slopes, np.float32)[:, None]
  found = multimodality.search(
    view, observations, num_candidates=2, coarse=_LOOK, fine=_LOOK
  )
  assert found.index == slopes.index(4.0)
  assert found.measures.shape == (10,)
  # The more tilted, the more the two corners are apart; near to the uniform
  # density they are none.
  order = np.argsort(slopes)
  assert np.all(np.diff(found.measures[order]) >= -1e-6)
  assert found.measures[0] == 0.0
  first, second = found.pairs
  assert first.pair == (0, 1)
  assert {mode.place for mode in first.modes} == {(0, 0), (15, 15)}
  assert [x.mass for x in first.modes] == pytest.approx([0.5, 0.5], abs=1e-3)
  assert len(second.modes) == 1
  assert multimodality.measure(found.pairs) > 0.4


def test_samples_are_of_one_state(view):
  actions = view.sample(np.zeros(1, np.float32) + 0.5, 7, seed=0)
  assert actions.shape == (7, 4)


def test_a_policy_without_pairs_is_refused():
  variables = quinoa.PolicyVariables({}, jnp.ones(()))
  for box, message in (
    (_make_box(1), 'the actions have 1'),
    (_make_box(4, (2, 2)), 'actions must be vectors'),
  ):
    with pytest.raises(ValueError, match=message):
      multimodality.PolicyView(_make_policy(), variables, box)
