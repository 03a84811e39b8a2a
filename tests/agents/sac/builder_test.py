"""Tests of SAC's builder: the options that Acme's own does not have."""

import dataclasses

from acme import specs
from acme.utils.loggers import base as loggers_base
import jax
import numpy as np
import pytest

from quinoa_acme.agents import sac
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.sac import networks as networks_lib

_SMALL = {**off_policy.SMALL_REPLAY, 'num_sgd_steps_per_step': 1}


@pytest.fixture(autouse=True)
def _acme_may_promote_ranks():
  """Acme's losses do; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


@pytest.fixture
def spec(make_spec):
  return make_spec(action=specs.BoundedArray((2,), np.float32, -1.0, 1.0))


def test_decay_and_first_temperature_reach_acme_s_learner(
  spec, make_batch, as_samples
):
  config = sac.SACConfig(hidden_sizes=(8,), **_SMALL)
  changed = dataclasses.replace(
    config, weight_decay=0.5, learning_rate=0.1, initial_temperature=0.01
  )

  def make(config):
    agent = sac.SACAgent(config)
    batches = [make_batch(spec, config.samples_per_step, i) for i in range(3)]
    return agent.make_builder(spec).make_learner(
      jax.random.PRNGKey(0), agent.make_networks(spec), as_samples(batches)
    )

  plain, learner = make(config), make(changed)
  first = learner.save().learner
  assert np.exp(first.alpha_params) == pytest.approx(0.01)
  assert plain.save().learner.alpha_params == 0.0
  learner.step()
  state = learner.save().learner
  # Adam's first step moves every parameter by its learning rate or not at all.
  before = jax.tree_util.tree_leaves(first.q_params)
  after = jax.tree_util.tree_leaves(state.q_params)
  for x, y in zip(before, after, strict=True):
    moved = np.abs(np.asarray(y - (1 - 0.1 * 0.5) * x))
    assert np.all((moved < 1e-4) | (np.abs(moved - 0.1) < 1e-3))
  for params, optimizer in (
    (state.policy_params, state.policy_optimizer_state),
    (state.q_params, state.q_optimizer_state),
  ):
    jax.tree_util.tree_map(
      np.testing.assert_array_equal, params, optimizer.params
    )
  assert np.isfinite(state.alpha_params)


def test_networks_without_statistics_are_refused(spec, as_samples):
  config = sac.SACConfig(observations=sac.NormalisedObservations())
  networks = networks_lib.make_networks(spec, sac.SACConfig())
  builder = sac.SACAgent(config).make_builder(spec, loggers_base.NoOpLogger)
  with pytest.raises(ValueError, match=r'needs networks of SACAgent\.make_net'):
    builder.make_learner(jax.random.PRNGKey(0), networks, as_samples([]))
