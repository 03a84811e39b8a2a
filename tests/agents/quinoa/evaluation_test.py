"""Tests of the terms of equation 2, with a policy that is known."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import evaluation

_ACTION = jnp.array([[[0.5, 1.0]], [[-0.5, 2.0]]])


def _log_prob(variables, observation, action):
  """A policy whose log-density is its parameter times the first number."""
  del observation
  return variables.params * action[..., 0]


@pytest.fixture(scope='module')
def networks(make_spec, make_networks, tiny_config):
  made = make_networks(make_spec(), tiny_config)
  policy = dataclasses.replace(
    made.policy,
    log_prob=_log_prob,
    draw=lambda variables, key, observation, num_actions: (
      _ACTION[:num_actions],
      _log_prob(variables, observation, _ACTION[:num_actions]),
    ),
  )
  return dataclasses.replace(made, policy=policy)


def _policy(params: float) -> quinoa.PolicyVariables:
  return quinoa.PolicyVariables(params, jnp.float32(0.5))


def test_d_is_the_policy_over_the_uniform_prior(networks, tiny_config):
  config = dataclasses.replace(tiny_config, prior=quinoa.UniformPrior())
  points = evaluation.fresh_points(
    networks, config, _policy(3.0), {}, jnp.zeros((1, 3)), 2, key=None
  )
  # The box of `make_spec` is 3 by 7.
  expected = np.array([[1.5], [-1.5]]) + math.log(21)
  np.testing.assert_allclose(points.log_ratio, expected, rtol=1e-6)


def test_d_is_the_policy_over_a_lagged_one(networks, tiny_config):
  config = dataclasses.replace(
    tiny_config, prior=quinoa.LaggedPrior(quinoa.Polyak(0.1), flatness=0.0)
  )
  points = evaluation.fresh_points(
    networks, config, _policy(3.0), _policy(1.0), jnp.zeros((1, 3)), 2, key=None
  )
  np.testing.assert_allclose(points.log_ratio, [[1.0], [-1.0]], rtol=1e-6)


def test_replayed_actions_are_points_of_one_action_per_state(
  networks, tiny_config, make_spec, make_batch
):
  config = dataclasses.replace(tiny_config, prior=quinoa.UniformPrior())
  batch = make_batch(make_spec(), 5)
  points = evaluation.replayed_points(networks, config, _policy(2.0), {}, batch)
  assert points.action.shape == (1, 5, 2)
  np.testing.assert_allclose(
    points.log_prob[0], 2 * batch.action[:, 0], rtol=1e-6
  )
