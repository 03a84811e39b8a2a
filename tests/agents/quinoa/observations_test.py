"""Tests of how the networks see observations."""

import dataclasses

from acme import types
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import observations
from quinoa_acme.agents.quinoa import targets
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update as update_lib

_NORMALISED = quinoa.NormalisedObservations()
_FITS = (
  quinoa.DirectFit(proximity=0.1, weights=quinoa.LikelihoodWeights()),
  quinoa.CriticFit(hidden_sizes=(8,), num_actions=2),
)


def _with(config, fit, **changes):
  """An agent that normalises observations, over two steps."""
  return dataclasses.replace(
    config,
    fit=fit,
    observations=_NORMALISED,
    returns=quinoa.SoftReturn(num_steps=2, trace=quinoa.CutTrace()),
    **changes,
  )


def _scaled(batch: types.Transition, scale: float, shift: float):
  """The batch, had the environment measured in other units."""

  def scaled(nest):
    return jax.tree_util.tree_map(lambda x: scale * x + shift, nest)

  return batch._replace(
    observation=scaled(batch.observation),
    next_observation=scaled(batch.next_observation),
    extras=batch.extras._replace(observation=scaled(batch.extras.observation)),
  )


def _learn(networks, config, *runs):
  """The state of each run after a step on each of its batches."""
  step = jax.jit(update_lib.make_update_step(networks, config))

  def learn(batches):
    state = training_state.make_initial_state(
      networks,
      config,
      jax.random.PRNGKey(0),
      batches[0].observation,
      batches[0].action,
    )
    for batch in batches:
      state, _, finite = step(state, batch)
      assert finite.all()
    return state

  return [learn(batches) for batches in runs]


def _assert_equal(left, right, **tolerance):
  jax.tree_util.tree_map(
    lambda x, y: np.testing.assert_allclose(x, y, **tolerance), left, right
  )


def test_at_first_the_statistics_are_those_of_all_batches():
  rng = np.random.default_rng(0)
  batches = [
    {'b': rng.normal(3.0 * k, 1.0 + k, (32, 2)), 'a': rng.normal(size=(32,))}
    for k in range(4)
  ]
  statistics = observations.initial(_NORMALISED, batches[0])
  for steps, batch in enumerate(batches):
    statistics = observations.update(
      _NORMALISED, statistics, batch, jnp.asarray(steps)
    )
  assert statistics is not None
  for name in ('a', 'b'):
    whole = np.concatenate([batch[name] for batch in batches])
    np.testing.assert_allclose(statistics.mean[name], whole.mean(0), rtol=1e-4)
    np.testing.assert_allclose(
      statistics.variance[name], whole.var(0), rtol=1e-4
    )


def test_later_they_follow_the_data():
  option = quinoa.NormalisedObservations(rate=0.1)
  statistics = observations.initial(option, np.zeros((8, 1)))
  far = np.random.default_rng(0).normal(5.0, 2.0, (1000, 1))
  for _ in range(100):
    statistics = observations.update(option, statistics, far, jnp.asarray(1000))
  assert statistics is not None
  np.testing.assert_allclose(statistics.mean, far.mean(0), rtol=1e-3)
  np.testing.assert_allclose(statistics.variance, far.var(0), rtol=1e-2)


def test_normalised_features_have_one_scale():
  rng = np.random.default_rng(0)
  observation = {
    'velocity': rng.normal(100.0, 50.0, (512, 3)),
    'contact': rng.integers(0, 2, (512,)),
  }
  statistics = observations.initial(_NORMALISED, observation)
  normalised = observations.normalise(statistics, observation)
  assert list(normalised) == ['contact', 'velocity']
  for x in normalised.values():
    assert x.dtype == jnp.float32
    np.testing.assert_allclose(np.mean(x, axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(np.std(x, axis=0), 1.0, rtol=1e-3)


def test_a_feature_that_never_moved_stays_bounded():
  statistics = observations.initial(_NORMALISED, np.zeros((8, 2)))
  moved = observations.normalise(statistics, np.array([[1e-3, 1e30]]))
  np.testing.assert_allclose(moved, [[0.1, 10.0]], rtol=1e-5)


def test_raw_observations_have_no_statistics():
  observation = {'a': np.ones((2, 3), np.int8)}
  raw = quinoa.RawObservations()
  assert observations.initial(raw, observation) is None
  assert observations.update(raw, None, observation, jnp.asarray(3)) is None
  assert observations.normalise(None, observation) is observation


@pytest.mark.parametrize('fit', _FITS)
def test_learning_does_not_depend_on_units(
  make_spec, make_networks, make_batch, tiny_config, fit
):
  config = _with(tiny_config, fit)
  networks = make_networks(make_spec(), config)
  batches = [make_batch(make_spec(), 16, seed, 2) for seed in range(3)]
  runs = batches, [_scaled(batch, 64.0, 16.0) for batch in batches]
  # The number that bounds the variance is in units of the observation.
  alike = {'rtol': 0.05, 'atol': 2e-3}
  state, other = _learn(networks, config, *runs)
  _assert_equal(state.params, other.params, **alike)
  raw = dataclasses.replace(config, observations=quinoa.RawObservations())
  state, other = _learn(networks, raw, *runs)
  with pytest.raises(AssertionError):
    _assert_equal(state.params, other.params, **alike)


@pytest.mark.parametrize('fit', _FITS)
def test_a_policy_takes_observations_as_the_environment_gives_them(
  make_spec, make_networks, make_batch, tiny_config, fit
):
  config = _with(tiny_config, fit)
  networks = make_networks(make_spec(), config)
  batch = _scaled(make_batch(make_spec(), 16, 0, 2), 3.0, 1.0)
  [state] = _learn(networks, config, [batch, batch])
  bare, seen = training_state.normalised(state, batch)
  assert bare.statistics is None
  assert np.any(np.abs(seen.observation - batch.observation) > 0.1)
  _assert_equal(
    networks.policy.log_prob(
      training_state.policy_of(state), batch.observation, batch.action
    ),
    networks.policy.log_prob(
      training_state.policy_of(bare), seen.observation, seen.action
    ),
    rtol=1e-5,
  )
  _assert_equal(
    networks.soft_value(
      training_state.policy_of(state), state.params.value, batch.observation
    ),
    networks.soft_value(
      training_state.policy_of(bare), state.params.value, seen.observation
    ),
    rtol=1e-5,
  )
  key = jax.random.PRNGKey(1)
  _assert_equal(
    targets.td_target(networks, config, state, batch, key),
    targets.td_target(networks, config, bare, seen, key),
    rtol=1e-5,
  )


@pytest.mark.parametrize(
  'network', [quinoa.OnlineNetwork(), quinoa.TargetNetwork()]
)
def test_what_acts_has_the_statistics(
  make_spec, make_networks, make_batch, as_samples, tiny_config, network
):
  config = _with(tiny_config, _FITS[0], evaluation_network=network)
  spec = make_spec()
  agent = quinoa.QuinoaAgent(config)
  networks = make_networks(spec, config)
  batches = [make_batch(spec, 16, seed, 2) for seed in range(2)]
  learner = quinoa.QuinoaLearner(
    networks, config, jax.random.PRNGKey(0), as_samples(batches)
  )
  learner.step()
  learner.step()
  state = learner.save()
  [stepped] = _learn(networks, config, batches)
  _assert_equal(state.statistics, stepped.statistics, rtol=1e-6)
  where = agent.saved_policy(networks)
  saved = where.as_params(
    where.like._replace(
      **{name: getattr(state, name) for name in where.like._fields}
    )
  )
  for policy in (*learner.get_variables(['policy', where.variables]), saved):
    _assert_equal(policy.statistics, state.statistics, rtol=0)
