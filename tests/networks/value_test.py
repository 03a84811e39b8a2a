"""The soft state value, V(s)."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme import networks as networks_lib


def test_value_is_zero_at_first_and_one_number_a_state():
  inputs = np.random.default_rng(0).normal(3.0, 5.0, (64, 9))
  value = hk.without_apply_rng(
    hk.transform(lambda obs: networks_lib.ValueMLP((5,))(obs))
  )
  observation = {'a': inputs, 'b': inputs[:, 0].astype(np.int64)}
  params = value.init(jax.random.PRNGKey(0), observation)
  values = value.apply(params, observation)
  assert values.dtype == jnp.float32
  np.testing.assert_array_equal(values, np.zeros(64))
