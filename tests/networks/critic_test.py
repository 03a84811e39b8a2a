"""Tests of the Q-function as a plain network."""

import haiku as hk
import jax
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.networks import critic as critic_lib


@pytest.fixture(scope='module')
def critic():
  return hk.without_apply_rng(
    hk.transform(lambda s, a: critic_lib.CriticMLP((4,))(s, a))
  )


def test_several_actions_are_as_each_alone(critic, perturb):
  rng = np.random.default_rng(0)
  state = {'a': rng.normal(size=(5, 2)).astype(np.float32), 'b': np.arange(5)}
  actions = rng.uniform(-1, 1, (3, 5, 2)).astype(np.float32)
  params = jax.jit(critic.init)(jax.random.PRNGKey(0), state, actions[0])
  apply = jax.jit(critic.apply)
  np.testing.assert_array_equal(apply(params, state, actions), 0)
  params = perturb(params, jax.random.PRNGKey(1), 0.5)
  together = apply(params, state, actions)
  assert together.shape == (3, 5)
  assert np.std(together) > 0
  each = [apply(params, state, action) for action in actions]
  np.testing.assert_allclose(together, each, rtol=1e-5, atol=1e-6)


def test_layers_are_normalised_unless_told_otherwise(critic):
  plain = hk.transform(
    lambda s, a: critic_lib.CriticMLP((4,), networks_lib.NoNorm())(s, a)
  )
  inputs = np.ones((1, 2), np.float32), np.ones((1, 1), np.float32)
  with_norm, without = (
    jax.eval_shape(x.init, jax.random.PRNGKey(0), *inputs)
    for x in (critic, plain)
  )
  names = {name for module in with_norm.values() for name in module}
  assert 'scale' in names
  assert not any('scale' in module for module in without.values())
