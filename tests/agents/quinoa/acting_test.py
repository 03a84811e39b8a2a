"""Tests of the actions that a policy may take."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import quinoa

# Three draws in each of two states, of one action dimension.
_ACTIONS = jnp.array([[[1.0], [-3.0]], [[5.0], [0.0]], [[2.0], [4.0]]])
_LOG_PROBS = jnp.array([[0.0, 3.0], [-1.0, 1.0], [2.0, 2.0]])


@pytest.fixture(scope='module')
def networks(make_spec, make_networks, tiny_config):
  """Networks of a policy whose draws are known."""
  made = make_networks(make_spec(), tiny_config)
  policy = dataclasses.replace(
    made.policy,
    draw=lambda params, key, observation, num_actions: (
      _ACTIONS[:num_actions],
      _LOG_PROBS[:num_actions],
    ),
    mode=lambda params, observation: ('mode', params, observation),
    sample=lambda params, key, observation: ('sample', key),
  )
  return dataclasses.replace(made, policy=policy)


@pytest.mark.parametrize(
  ('choice', 'action'),
  [
    (quinoa.MostLikely(3), [[2.0], [-3.0]]),
    (quinoa.MostLikely(2), [[1.0], [-3.0]]),
    (quinoa.Median(3), [[2.0], [0.0]]),
  ],
)
def test_of_several_draws_one_is_taken(networks, choice, action):
  policy = quinoa.make_policy(networks, choice)
  np.testing.assert_array_equal(policy('params', 'key', 'observed'), action)


def test_a_sample_is_the_default_and_the_mode_needs_no_key(networks):
  assert quinoa.make_policy(networks)('params', 1, 'observed') == ('sample', 1)
  mode = quinoa.make_policy(networks, quinoa.BaseMode())
  assert mode('params', 1, 'observed') == ('mode', 'params', 'observed')
