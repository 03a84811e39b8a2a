"""Acme's learner and policy with normalised observations."""

import dataclasses

from acme import specs
from acme.utils.loggers import base as loggers_base
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import sac
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.sac import normalising

_CONFIG = sac.SACConfig(
  hidden_sizes=(8,),
  observations=sac.NormalisedObservations(),
  **{**off_policy.SMALL_REPLAY, 'num_sgd_steps_per_step': 2},
)


@pytest.fixture(autouse=True)
def _acme_may_promote_ranks():
  """Acme's losses do; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


@pytest.fixture
def spec(make_spec):
  return make_spec(action=specs.BoundedArray((2,), np.float32, -1.0, 1.0))


@pytest.fixture
def make_learner(spec, make_batch, as_samples):
  """Makes a learner of batches that are scaled and shifted."""

  def make(config=_CONFIG, scale=1.0, shift=0.0, seeds=(0, 1, 2)):
    agent = sac.SACAgent(config)
    batches = [
      make_batch(spec, config.samples_per_step, seed) for seed in seeds
    ]
    batches = [
      batch._replace(
        observation=scale * batch.observation + np.float32(shift),
        next_observation=scale * batch.next_observation + np.float32(shift),
      )
      for batch in batches
    ]
    return agent.make_builder(spec, loggers_base.NoOpLogger).make_learner(
      jax.random.PRNGKey(0), agent.make_networks(spec), as_samples(batches)
    )

  return make


def _assert_close(left, right, **tolerance):
  jax.tree_util.tree_map(
    lambda x, y: np.testing.assert_allclose(x, y, **tolerance), left, right
  )


def test_learning_does_not_depend_on_units(make_learner):
  def learn(config, **units):
    learner = make_learner(config, **units)
    for _ in range(3):
      learner.step()
    [policy] = learner.get_variables(['policy'])
    return getattr(policy, 'params', policy)

  alike = {'rtol': 0.05, 'atol': 2e-3}
  units = {'scale': 64.0, 'shift': 16.0}
  _assert_close(learn(_CONFIG), learn(_CONFIG, **units), **alike)
  raw = dataclasses.replace(_CONFIG, observations=sac.RawObservations())
  with pytest.raises(AssertionError):
    _assert_close(learn(raw), learn(raw, **units), **alike)


def test_the_statistics_are_those_of_all_samples(
  spec, make_batch, make_learner
):
  learner = make_learner(scale=3.0, shift=2.0)
  for _ in range(3):
    learner.step()
  seen = np.concatenate(
    [
      3.0 * make_batch(spec, _CONFIG.samples_per_step, seed).observation + 2.0
      for seed in range(3)
    ]
  )
  [policy] = learner.get_variables(['policy'])
  np.testing.assert_allclose(policy.statistics.mean, seen.mean(0), rtol=1e-4)
  np.testing.assert_allclose(policy.statistics.variance, seen.var(0), rtol=1e-4)


def test_a_policy_takes_observations_as_the_environment_gives_them(
  spec, make_learner
):
  agent = sac.SACAgent(_CONFIG)
  networks = agent.make_networks(spec)
  learner = make_learner(scale=3.0, shift=2.0)
  learner.step()
  [variables] = learner.get_variables(['policy'])
  observation = np.full((4, 3), 2.5, np.float32)
  key = jax.random.PRNGKey(1)
  statistics = variables.statistics
  seen = (observation - statistics.mean) / np.sqrt(statistics.variance + 1e-4)
  raw = sac.SACAgent(
    dataclasses.replace(_CONFIG, observations=sac.RawObservations())
  )
  bare = raw.make_evaluation_policy(raw.make_networks(spec))
  np.testing.assert_allclose(
    agent.make_evaluation_policy(networks)(variables, key, observation),
    bare(variables.params, key, jnp.asarray(seen)),
    rtol=1e-4,
  )


def test_before_learning_observations_are_as_they_are(spec):
  statistics = normalising.initial_statistics(spec)
  agent = sac.SACAgent(_CONFIG)
  networks = agent.make_networks(spec)
  params = networks.policy_network.init(jax.random.PRNGKey(0))
  variables = normalising.NormalisedPolicy(params, statistics)
  observation = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
  key = jax.random.PRNGKey(1)
  seen = networks.policy_network.apply(params, jnp.asarray(observation))
  np.testing.assert_allclose(
    agent.make_policy(networks)(variables, key, observation),
    networks.sample(seen, key),
    atol=1e-3,
  )


def test_the_saved_policy_is_the_learner_s(spec, make_learner):
  learner = make_learner()
  learner.step()
  state = learner.save()
  agent = sac.SACAgent(_CONFIG)
  where = agent.saved_policy(agent.make_networks(spec))
  [served] = learner.get_variables(['policy'])
  _assert_close(where.as_params(state), served, rtol=0)
  shapes = jax.tree_util.tree_map(lambda x: x.shape, served)
  assert shapes == jax.tree_util.tree_map(
    lambda x: x.shape, where.as_params(where.like)
  )
