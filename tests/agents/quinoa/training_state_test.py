"""Tests of the state of an update: what it begins with, and what follows."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import optimizer
from quinoa_acme.agents.quinoa import training_state

_PARAMS = optimizer.Params('policy', 'value', critics='critics')
_Q = training_state.SlowQ('policy', 'value')


@pytest.mark.parametrize(
  ('options', 'target'),
  [
    ({'fit': quinoa.CriticFit()}, 'critics'),
    ({'fit': quinoa.DirectFit()}, 'value'),
    ({'fit': quinoa.DirectFit(proximity=0.1)}, _Q),
    (
      {
        'fit': quinoa.DirectFit(),
        'evaluation_network': quinoa.TargetNetwork(),
      },
      _Q,
    ),
  ],
)
def test_the_target_networks_are_of_what_the_fit_needs(
  make_spec, make_networks, tiny_config, options, target
):
  config = dataclasses.replace(tiny_config, **options)
  networks = make_networks(make_spec(), tiny_config)
  assert training_state.target_of(networks, config, _PARAMS) == target


def test_which_policy_is_evaluated():
  state = training_state.TrainingState(
    params=_PARAMS,
    target=training_state.SlowQ('average', 'value'),
    prior={},
    optimizer=(),
    temperature=jnp.float32(0.5),
    key=jax.random.PRNGKey(0),
    steps=jnp.int32(0),
  )
  direct = quinoa.QuinoaConfig(
    fit=quinoa.DirectFit(), temperature=quinoa.FixedTemperature(0.5)
  )
  averaged = dataclasses.replace(
    direct, evaluation_network=quinoa.TargetNetwork()
  )
  assert training_state.policy_of(state).params == 'policy'
  for config, params in ((direct, 'policy'), (averaged, 'average')):
    found = training_state.evaluation_policy_of(config, state)
    assert (found.params, float(found.temperature)) == (params, 0.5)


def test_each_critic_begins_differently(
  make_spec, make_networks, make_batch, tiny_config
):
  config = dataclasses.replace(
    tiny_config, fit=quinoa.CriticFit(num_critics=3, hidden_sizes=(4,))
  )
  networks = make_networks(make_spec(), config)
  batch = make_batch(make_spec(), 2)
  critics = training_state._init_critics(
    networks,
    config,
    jax.random.PRNGKey(0),
    batch.observation,
    jnp.asarray(batch.action),
  )
  weights = [
    leaf for leaf in jax.tree_util.tree_leaves(critics) if np.std(leaf) > 0
  ]
  assert weights
  for leaf in weights:
    assert leaf.shape[0] == 3
    assert np.abs(leaf[0] - leaf[1]).max() > 1e-3
