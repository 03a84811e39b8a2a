"""Weight normalisation by the first batch; more of it is in mlp_test.py."""

import haiku as hk
import jax
import numpy as np

from quinoa_acme import networks as networks_lib


def test_the_gain_of_a_nearly_constant_feature_is_bounded():
  layer = hk.without_apply_rng(
    hk.transform(lambda x: networks_lib.WeightNormLinear(3, name='layer')(x))
  )
  spread = np.random.default_rng(0).normal(size=(256, 1)).astype(np.float32)
  inputs = 2 + 0.01 * spread / spread.std()
  params = layer.init(jax.random.PRNGKey(0), inputs)
  np.testing.assert_allclose(params['layer']['gain'], 10, rtol=1e-5)
  outputs = layer.apply(params, inputs)
  np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-4)
  np.testing.assert_allclose(outputs.std(axis=0), 0.1, rtol=1e-3)
