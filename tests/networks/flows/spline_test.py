"""Tests of the spline flow: its density, and its bounded slopes."""

import densities
import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.networks.flows import spline

_SMALL = networks_lib.SplineFlowConfig(
  num_couplings=3, hidden_sizes=(8,), num_bins=4, max_log_slope=3.0
)


def _module(box):
  return networks_lib.ConditionalSplineFlow(box, _SMALL)


@pytest.mark.parametrize('num_dimensions', [1, 3])
def test_the_flow_has_the_density_it_says(perturb, num_dimensions):
  density = densities.make(_module, densities.BOXES[num_dimensions])
  params = densities.init(density, seed=0)
  densities.check_uniform(density, params, atol=1e-5)
  params = perturb(params, jax.random.PRNGKey(0), 0.5)
  densities.check_one_density(density, params, atol=2e-2)
  densities.check_finite(density, params)


@pytest.mark.parametrize('num_dimensions', [1, 2])
def test_the_density_integrates_to_one(perturb, num_dimensions):
  density = densities.make(_module, densities.BOXES[num_dimensions])
  params = densities.init(density, seed=0)
  params = perturb(params, jax.random.PRNGKey(1), 0.3)
  densities.check_integral(density, params, atol=0.01)


@pytest.mark.parametrize('scale', [0.0, 1.0, 100.0])
def test_the_unit_box_is_mapped_onto_itself_with_bounded_slopes(scale):
  raw = scale * np.random.default_rng(0).normal(size=(1, 50, 2 * 13))
  bijector = spline.make_spline(jnp.asarray(raw, jnp.float32), _SMALL)
  assert isinstance(bijector, distrax.RationalQuadraticSpline)
  unit = np.linspace(0.0, 1.0, 101, dtype=np.float32)[:, None, None]
  unit = np.broadcast_to(unit, (101, 50, 2))
  image, log_slope = map(np.asarray, bijector.forward_and_log_det(unit))
  np.testing.assert_allclose(image[[0, -1]], unit[[0, -1]], atol=1e-6)
  assert np.all(np.diff(image, axis=0) > -1e-6)
  assert np.abs(bijector.knot_slopes).max() <= np.exp(3.0) * 1.001
  assert np.abs(bijector.knot_slopes).min() >= np.exp(-3.0) * 0.999
  assert log_slope.max() < 3.0 + np.log(4.0) + 1e-3
  assert log_slope.min() > -3 * 3.0 - 1e-3
  if scale == 0.0:
    np.testing.assert_allclose(image, unit, atol=1e-6)
  if scale == 100.0:
    assert log_slope.max() > 2.5


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'num_bins': 1}, 'num_bins must be a whole number of at least 2'),
    ({'max_log_slope': 0.0}, r'max_log_slope must be in \[0.01, 8\], but is 0'),
    ({'max_log_slope': np.nan}, 'max_log_slope .* is nan'),
  ],
)
def test_a_flow_of_no_sense_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    networks_lib.SplineFlowConfig(**options)
