"""Tests of what all densities have from their interface: shapes of samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.networks import distribution


class _Square(distribution.Distribution):
  """Uniform on [0, 1] by [0, 1], in each of three batch elements."""

  @property
  def event_shape(self):
    return (2,)

  @property
  def batch_shape(self):
    return (3,)

  def log_prob(self, value):
    return jnp.zeros(value.shape[:-1])

  def mode(self):
    return jnp.full((3, 2), 0.5)

  def _sample_n(self, key, n):
    return jax.random.uniform(key, (n, 3, 2))

  def _sample_n_and_log_prob(self, key, n):
    sample = self._sample_n(key, n)
    return sample, self.log_prob(sample)


@pytest.mark.parametrize('shape', [(), (4,), (4, 5)])
def test_samples_have_the_leading_shape(shape):
  key = jax.random.PRNGKey(0)
  sample = _Square().sample(seed=key, sample_shape=shape)
  assert sample.shape == (*shape, 3, 2)
  again, log_prob = _Square().sample_and_log_prob(seed=key, sample_shape=shape)
  np.testing.assert_array_equal(sample, again)
  assert log_prob.shape == (*shape, 3)
