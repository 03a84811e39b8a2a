"""Residual blocks, beside the equations that define them."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import residual


def _norm(x):
  centred = x - x.mean(axis=-1, keepdims=True)
  return centred / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)


def test_features_are_those_of_the_equations():
  network = hk.without_apply_rng(
    hk.transform(lambda x: residual.ResidualTrunk(8, 2, name='trunk')(x))
  )
  inputs = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
  params = network.init(jax.random.PRNGKey(0), jnp.asarray(inputs))

  def linear(name, x):
    layer = params[f'trunk/{name}']
    return x @ np.asarray(layer['w']) + np.asarray(layer['b'])

  features = linear('input', inputs)
  for i in range(2):
    wide = np.maximum(linear(f'wide_{i}', _norm(features)), 0.0)
    assert wide.shape == (16, 32)
    features = features + linear(f'back_{i}', wide)
  np.testing.assert_allclose(
    network.apply(params, jnp.asarray(inputs)), _norm(features), atol=1e-4
  )
  norms = {name for name in params if 'norm' in name}
  assert norms == {'trunk/norm_0', 'trunk/norm_1', 'trunk/last_norm'}
  for name in norms:
    assert params[name]['scale'].shape == params[name]['offset'].shape == (8,)


def test_the_input_layer_is_orthogonal():
  network = hk.transform(lambda x: residual.ResidualTrunk(8, 1)(x))
  params = network.init(jax.random.PRNGKey(0), jnp.zeros((1, 3)))
  weight = params['residual_trunk/input']['w']
  np.testing.assert_allclose(weight @ weight.T, np.eye(3), atol=1e-5)
