"""Layer normalisation, and its gradient."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.networks import layer_norm


@pytest.fixture(scope='module')
def inputs():
  rng = np.random.default_rng(0)
  return rng.normal(3.0, 5.0, (64, 9)).astype(np.float32)


def test_layer_normalisation_standardises_each_row(inputs):
  rows = layer_norm.standardise(jnp.asarray(inputs))
  np.testing.assert_allclose(np.mean(rows, axis=-1), 0, atol=1e-5)
  np.testing.assert_allclose(np.std(rows, axis=-1), 1, rtol=1e-4)


def test_the_gradient_of_layer_normalisation(inputs):
  def plainly(x):
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.var(x, axis=-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5)

  weights = np.random.default_rng(2).normal(size=inputs.shape)
  gradients = [
    jax.grad(lambda x, f=f: jnp.sum(weights * f(x)))(jnp.asarray(inputs))
    for f in (layer_norm.standardise, plainly)
  ]
  assert np.ptp(gradients[1]) > 0.1
  np.testing.assert_allclose(*gradients, atol=1e-5)


def test_layer_normalisation_alone_is_scaled_and_shifted(inputs):
  norm = hk.without_apply_rng(hk.transform(lambda x: layer_norm.LayerNorm()(x)))
  params = norm.init(jax.random.PRNGKey(0), jnp.asarray(inputs))
  standardised = layer_norm.standardise(jnp.asarray(inputs))
  np.testing.assert_array_equal(norm.apply(params, inputs), standardised)
  scale, offset = np.arange(9.0), np.linspace(-1.0, 1.0, 9)
  params = {'layer_norm': {'scale': scale, 'offset': offset}}
  np.testing.assert_allclose(
    norm.apply(params, inputs),
    np.asarray(standardised) * scale + offset,
    rtol=1e-6,
    atol=1e-6,
  )
