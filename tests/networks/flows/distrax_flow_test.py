"""A conditional flow goes where distrax's distributions go."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib

pytestmark = pytest.mark.slow

_BOX = networks_lib.Box(
  np.array([-1, 0], np.float32), np.array([1, 4], np.float32), shape=(2,)
)


@pytest.fixture(scope='module')
def parts():
  config = networks_lib.TiltedFlowConfig(num_couplings=2, hidden_sizes=(4,))
  flow = config.make(_BOX)
  observation = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3)
  params = flow.init(jax.random.PRNGKey(0), observation, jnp.ones((4, 2)))
  params = jax.tree_util.tree_map(lambda x: x + 0.1, params)
  return flow, params, observation


def test_it_has_the_flow_s_density_and_draws(parts):
  flow, params, observation = parts
  density = networks_lib.as_distrax(flow, params, observation, 0.5)
  assert isinstance(density, distrax.Distribution)
  assert density.batch_shape == (4,)
  assert density.event_shape == (2,)
  key = jax.random.PRNGKey(1)
  sample, log_prob = density.sample_and_log_prob(seed=key, sample_shape=(3, 2))
  assert sample.shape == (3, 2, 4, 2)
  assert log_prob.shape == (3, 2, 4)
  expected = flow.log_prob(params, observation, sample, 0.5)
  np.testing.assert_allclose(density.log_prob(sample), expected, rtol=1e-5)
  np.testing.assert_allclose(log_prob, expected, atol=1e-4)
  np.testing.assert_array_equal(
    density.sample(seed=key, sample_shape=(3, 2)), sample
  )


def test_it_is_made_inside_of_a_jitted_function_and_learns(parts):
  flow, params, observation = parts

  @jax.jit
  def loss(params):
    density = networks_lib.as_distrax(flow, params, observation)
    return -jnp.mean(density.log_prob(jnp.ones((4, 2))))

  gradient = jax.grad(loss)(params)
  assert any(np.any(x != 0) for x in jax.tree_util.tree_leaves(gradient))


def test_distrax_composes_it_and_gives_it_to_tfp(parts):
  flow, params, observation = parts
  density = networks_lib.as_distrax(flow, params, observation)
  shifted = distrax.Transformed(
    density, distrax.Block(distrax.ScalarAffine(shift=3.0), ndims=1)
  )
  point = jnp.ones((4, 2))
  np.testing.assert_allclose(
    shifted.log_prob(point + 3.0), density.log_prob(point), atol=1e-4
  )
  as_tfp = distrax.to_tfp(density)
  assert tuple(as_tfp.event_shape) == (2,)
  np.testing.assert_allclose(
    as_tfp.log_prob(point), density.log_prob(point), rtol=1e-5
  )
