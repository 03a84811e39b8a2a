"""Tests of learning and acting with normalised observations."""

import dataclasses

import jax
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update
from quinoa_acme.agents.quinoa import update as update_lib
from quinoa_acme.utils import common_types as types

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
  bare, seen = update.normalised(state, batch)
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
    update.td_target(networks, config, state, batch, key),
    update.td_target(networks, config, bare, seen, key),
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
