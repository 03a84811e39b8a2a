"""Tests of the critics' targets and losses, with policies that are known."""

import dataclasses

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import critics
from quinoa_acme.agents.quinoa import evaluation
from quinoa_acme.agents.quinoa import optimizer
from quinoa_acme.agents.quinoa import training_state

_FIT = quinoa.CriticFit(num_critics=2, pessimism=1.0)
# Q_0(a, s) and Q_1(a, s) are these times the first number of the action.
_CRITICS = {'w': jnp.array([1.0, 3.0])}
_ALPHA = 0.5


@pytest.fixture(scope='module')
def config(tiny_config):
  return dataclasses.replace(
    tiny_config,
    fit=_FIT,
    prior=quinoa.UniformPrior(),
    temperature=quinoa.FixedTemperature(_ALPHA),
    returns=quinoa.OneStep(),
  )


@pytest.fixture(scope='module')
def networks(make_spec, make_networks, config):
  """Every draw is an action of 0.5, then 1.5, at twice the uniform density."""
  made = make_networks(make_spec(), config)
  log_prob = made.policy.uniform_log_prob + jnp.log(2.0)

  def draw(variables, key, observation, num_actions):
    del variables, key
    size = len(observation)
    first = jnp.arange(num_actions)[:, None, None] + 0.5
    action = jnp.broadcast_to(first, (num_actions, size, 2))
    return action, jnp.full((num_actions, size), log_prob)

  def critic(params, observation, action):
    del observation
    return params['w'] * action[..., 0]

  return dataclasses.replace(
    made,
    policy=dataclasses.replace(made.policy, draw=draw, soft_value=None),
    value=hk.Transformed(
      lambda key, observation: {},
      lambda params, observation: jnp.full(len(observation), 2.0),
    ),
    critic=hk.Transformed(lambda key, observation, action: {}, critic),
  )


def _state(target) -> training_state.TrainingState:
  return training_state.TrainingState(
    params=optimizer.Params({}, {}, _CRITICS),
    target=target,
    prior={},
    optimizer=(),
    temperature=jnp.float32(_ALPHA),
    key=jax.random.PRNGKey(0),
    steps=jnp.int32(0),
  )


def test_the_next_value_is_the_pessimistic_soft_one(
  networks, config, make_spec, make_batch
):
  observation = make_batch(make_spec(), 4).next_observation
  found = critics.next_value(
    networks, config, _FIT, _state(_CRITICS), observation, key=None
  )
  # Of 0.5 and 1.5, the mean less one standard deviation, and alpha log 2.
  expected = 0.5 - _ALPHA * np.log(2)
  np.testing.assert_allclose(found, np.full(4, expected), rtol=1e-5)


def test_the_losses_are_those_of_the_critics_and_of_the_fit(
  networks, config, make_spec, make_batch
):
  batch = make_batch(make_spec(), 4)
  target = jnp.arange(4.0)
  fitted = critics.loss(
    networks,
    config,
    _FIT,
    _state(_CRITICS).params,
    _state(_CRITICS),
    batch,
    evaluation.Known(target, jnp.ones(4), target),
    key=None,
  )
  q = np.array([[1.0], [3.0]]) * batch.action[:, 0]
  np.testing.assert_allclose(fitted.quantities['critics'], q, rtol=1e-6)
  assert set(fitted.losses) == {'critic_loss', 'policy_loss', 'value_loss'}
  squares = np.mean(np.square(q - np.arange(4.0)), axis=1)
  assert float(fitted.losses['critic_loss']) == pytest.approx(
    squares.sum(), rel=1e-5
  )
  assert float(fitted.kl) == pytest.approx(np.log(2), rel=1e-5)
  assert fitted.points.action.shape == (_FIT.num_actions, 4, 2)
