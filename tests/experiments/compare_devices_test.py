"""The script that holds a GPU's densities against the CPU's."""

import experiment_scripts
import jax
import numpy as np
import pytest


@pytest.mark.slow
def test_both_densities_of_an_action_are_one():
  with experiment_scripts.load('compare_devices') as script:
    networks, variables = script.names['learn'](50)
    sampled, inverted = script.names['densities'](
      networks.policy, variables, jax.devices('cpu')[0], 'highest'
    )
  # After updates, the policy is no longer the uniform one.
  assert np.std(sampled) > 0.01
  np.testing.assert_allclose(sampled, inverted, atol=1e-3)
