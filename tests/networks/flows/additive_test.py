"""Tests of the additive flow: its density, and that couplings keep volume."""

import densities
import haiku as hk
import jax
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib

_SMALL = networks_lib.AdditiveFlowConfig(num_couplings=3, hidden_sizes=(8,))


def _module(box):
  return networks_lib.ConditionalAdditiveFlow(box, _SMALL)


@pytest.mark.parametrize('num_dimensions', [1, 3])
def test_the_flow_has_the_density_it_says(perturb, num_dimensions):
  density = densities.make(_module, densities.BOXES[num_dimensions])
  params = densities.init(density, seed=0)
  densities.check_uniform(density, params, atol=0.0)
  params = perturb(params, jax.random.PRNGKey(0), 0.5)
  densities.check_one_density(density, params, atol=1e-2)
  densities.check_finite(density, params)


@pytest.mark.parametrize('num_dimensions', [1, 2])
def test_the_density_integrates_to_one(perturb, num_dimensions):
  density = densities.make(_module, densities.BOXES[num_dimensions])
  params = densities.init(density, seed=0)
  params = perturb(params, jax.random.PRNGKey(1), 0.3)
  densities.check_integral(density, params, atol=0.01)


def test_only_the_base_s_width_changes_volume(perturb):
  box = densities.BOXES[3]

  def log_det(observation, base):
    chain = _module(box)(observation)._couplings
    return chain.forward_and_log_det(base)[1]

  transformed = hk.without_apply_rng(hk.transform(log_det))
  observation = densities.observations(0)
  base = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
  params = transformed.init(jax.random.PRNGKey(0), observation, base)
  params = perturb(params, jax.random.PRNGKey(1), 0.5)
  first = transformed.apply(params, observation, base)
  second = transformed.apply(params, observation, 2.0 * base)
  np.testing.assert_allclose(first, second, atol=1e-6)
  assert np.ptp(first) > 0.1


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'max_shift': 0.0}, 'max_shift must be positive and finite.* 0.0'),
    ({'min_log_width': 0.0}, r'min_log_width < 0 .* \[0.0, 1.0\]'),
    ({'max_log_width': np.inf}, 'finite bounds'),
  ],
)
def test_a_flow_of_no_sense_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    networks_lib.AdditiveFlowConfig(**options)
