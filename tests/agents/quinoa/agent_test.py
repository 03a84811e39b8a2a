"""Tests of Quinoa as a run takes it."""

import dataclasses

import jax
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import training_state


def _paths(tree):
  return {
    jax.tree_util.keystr(path): (leaf.shape, leaf.dtype)
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
  }


@pytest.mark.parametrize(
  ('network', 'said', 'field'),
  [
    (quinoa.OnlineNetwork(), '', '.params'),
    (quinoa.TargetNetwork(), ' of the target network', '.target'),
  ],
)
def test_the_saved_policy_is_where_the_state_has_it(
  make_spec, tiny_config, network, said, field
):
  config = dataclasses.replace(
    tiny_config, fit=quinoa.DirectFit(), evaluation_network=network
  )
  agent = quinoa.QuinoaAgent(config)
  assert agent.evaluation == f'{config.evaluation_policy}{said}'
  networks = agent.make_networks(make_spec())
  saved = agent.saved_policy(networks)
  state = jax.eval_shape(
    lambda: training_state.make_initial_state(
      networks,
      config,
      jax.random.PRNGKey(0),
      networks.example_observation,
      networks.example_action,
    )
  )
  found = _paths(saved.like)
  assert found.items() <= _paths(state).items()
  assert any(path.startswith(f'{field}.policy') for path in found)
  params = saved.as_params(saved.like)
  assert params.temperature is saved.like.temperature


def test_critics_are_as_the_fit_says(make_spec, tiny_config):
  agent = quinoa.QuinoaAgent(
    dataclasses.replace(tiny_config, fit=quinoa.CriticFit(hidden_sizes=(3, 4)))
  )
  networks = agent.make_networks(make_spec())
  params = jax.eval_shape(
    networks.critic.init,
    jax.random.PRNGKey(0),
    networks.example_observation,
    networks.example_action,
  )
  assert {3, 4} <= {
    leaf.shape[-1] for leaf in jax.tree_util.tree_leaves(params)
  }
