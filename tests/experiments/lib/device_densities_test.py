"""The densities of one device beside another's."""

import jax
import numpy as np
import pytest

from experiments.lib import device_densities


@pytest.mark.slow
def test_both_densities_of_an_action_are_one():
  networks, variables = device_densities.learn(50)
  sampled, inverted = device_densities.densities(
    networks.policy, variables, jax.devices('cpu')[0], 'highest'
  )
  # After updates, the policy is no longer the uniform one.
  assert np.std(sampled) > 0.01
  np.testing.assert_allclose(sampled, inverted, atol=1e-3)
