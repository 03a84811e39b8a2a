"""Tests of what the flows share: the order of dimensions, and bounds."""

import functools

import densities
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks
from quinoa_acme.networks.flows import flow


@pytest.mark.parametrize('pair', [0, 1, 4])
@pytest.mark.parametrize('num_dimensions', [1, 2, 3, 6, 21])
def test_a_pair_of_couplings_has_every_dimension_once(num_dimensions, pair):
  order = flow.order_of_pair(num_dimensions, pair)
  np.testing.assert_array_equal(np.sort(order), np.arange(num_dimensions))


def test_the_first_pair_splits_the_dimensions_by_parity():
  np.testing.assert_array_equal(flow.order_of_pair(5, 0), [0, 2, 4, 1, 3])


def test_in_later_pairs_other_dimensions_meet():
  halves = {frozenset(flow.order_of_pair(7, i)[:4].tolist()) for i in range(3)}
  assert len(halves) == 3


def test_the_order_is_part_of_the_architecture():
  first = flow.order_of_pair(7, 3)
  np.random.seed(5)
  np.testing.assert_array_equal(first, flow.order_of_pair(7, 3))


_SHAPE = {'num_couplings': 2, 'hidden_sizes': (8,)}
_FAMILIES = {
  'affine': lambda box: networks.ConditionalRealNVP(
    box, networks.RealNVPConfig(**_SHAPE)
  ),
  'additive': lambda box: networks.ConditionalAdditiveFlow(
    box, networks.AdditiveFlowConfig(**_SHAPE)
  ),
  'spline': lambda box: networks.ConditionalSplineFlow(
    box, networks.SplineFlowConfig(**_SHAPE, num_bins=4)
  ),
  'tilted': lambda box: functools.partial(
    networks.ConditionalTiltedFlow(box, networks.TiltedFlowConfig(**_SHAPE)),
    temperature=0.5,
  ),
}


@pytest.mark.parametrize(
  ('family', 'num_dimensions'),
  [*((name, 3) for name in _FAMILIES), ('affine', 1)],
)
def test_draws_are_samples_with_the_gradient_of_their_density(
  perturb, family, num_dimensions
):
  box = densities.BOXES[num_dimensions]
  density = densities.make(_FAMILIES[family], box, num_samples=4)
  params = densities.init(density, seed=0)
  params = perturb(params, jax.random.PRNGKey(0), 0.5)
  densities.check_draws(density, params, rtol=1e-2)


_ENDS = {
  'least tilt': (
    networks.ConditionalTiltedFlow,
    networks.TiltedFlowConfig(**_SHAPE, max_tilt=1e-6),
  ),
  'greatest tilt': (
    networks.ConditionalTiltedFlow,
    networks.TiltedFlowConfig(**_SHAPE, max_tilt=1e6),
  ),
  'least affine': (
    networks.ConditionalRealNVP,
    networks.RealNVPConfig(
      **_SHAPE, max_shift=1e-30, min_log_scale=-1e-30, max_log_scale=1e-30
    ),
  ),
  'greatest affine': (
    networks.ConditionalRealNVP,
    networks.RealNVPConfig(
      **_SHAPE, max_shift=100.0, min_log_scale=-10.0, max_log_scale=10.0
    ),
  ),
  'least additive': (
    networks.ConditionalAdditiveFlow,
    networks.AdditiveFlowConfig(
      **_SHAPE, max_shift=1e-30, min_log_width=-1e-30, max_log_width=1e-30
    ),
  ),
  'greatest additive': (
    networks.ConditionalAdditiveFlow,
    networks.AdditiveFlowConfig(
      **_SHAPE, max_shift=100.0, min_log_width=-10.0, max_log_width=10.0
    ),
  ),
  'least spline': (
    networks.ConditionalSplineFlow,
    networks.SplineFlowConfig(**_SHAPE, num_bins=2, max_log_slope=0.01),
  ),
  'greatest spline': (
    networks.ConditionalSplineFlow,
    networks.SplineFlowConfig(**_SHAPE, num_bins=2, max_log_slope=8.0),
  ),
  'least energy': (
    networks.ConditionalEnergyFlow,
    networks.EnergyFlowConfig(
      (8,),
      couplings=networks.AffineCouplings(
        hidden_sizes=(8,), max_shift=1e-30, max_log_scale=1e-30
      ),
      max_tilt=1e-6,
    ),
  ),
  'greatest energy': (
    networks.ConditionalEnergyFlow,
    networks.EnergyFlowConfig(
      (8,),
      couplings=networks.AffineCouplings(
        hidden_sizes=(8,), max_shift=100.0, max_log_scale=10.0
      ),
      max_tilt=1e6,
    ),
  ),
  'least Gaussian': (
    networks.ConditionalGaussian,
    networks.SquashedGaussianConfig(
      (8,), initial_scale=2e-6, min_scale=1e-6, max_scale=3e-6
    ),
  ),
  'greatest Gaussian': (
    networks.ConditionalGaussian,
    networks.SquashedGaussianConfig(
      (8,), initial_scale=1.0, min_scale=1e-6, max_scale=1e6
    ),
  ),
}


@pytest.mark.parametrize('end', _ENDS)
def test_at_the_ends_of_their_ranges_all_options_give_a_density(perturb, end):
  module, config = _ENDS[end]

  def make(box):
    made = module(box, config)
    if isinstance(
      config, networks.TiltedFlowConfig | networks.EnergyFlowConfig
    ):
      return functools.partial(made, temperature=1e-4)
    return made

  density = densities.make(make, densities.BOXES[2], num_samples=4)
  params = densities.init(density, seed=0)
  # So large that what is bounded comes to its bounds.
  for scale in (0.0, 30.0):
    densities.check_finite(
      density, perturb(params, jax.random.PRNGKey(0), scale)
    )


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda: networks.TiltedFlowConfig(max_tilt=1e7), 'max_tilt must be in'),
    (lambda: networks.TiltedFlowConfig(max_tilt=1e-40), 'max_tilt must be in'),
    (lambda: networks.EnergyFlowConfig(max_tilt=1e7), 'max_tilt must be in'),
    (lambda: networks.TiltCouplings(max_tilt=1e7), 'max_tilt must be in'),
    (lambda: networks.AffineCouplings(max_shift=101), 'max_shift must be in'),
    (lambda: networks.AffineCouplings(max_log_scale=11), 'max_log_scale must'),
    (lambda: networks.RealNVPConfig(max_shift=101), 'max_shift must be in'),
    (
      lambda: networks.RealNVPConfig(min_log_scale=-11),
      'min_log_scale must be in',
    ),
    (
      lambda: networks.AdditiveFlowConfig(max_log_width=11),
      'max_log_width must be in',
    ),
    (
      lambda: networks.SquashedGaussianConfig(min_scale=1e-7),
      'min_scale must be in',
    ),
  ],
)
def test_what_is_beyond_them_is_refused(make, message):
  with pytest.raises(ValueError, match=message):
    make()


def test_bounded_has_unit_slope_at_zero_and_keeps_its_bounds():
  bounded = functools.partial(flow.bounded, low=-2.0, high=0.4)
  assert bounded(jnp.zeros(())) == 0.0
  for raw in (0.0, 1e-12, -1e-12):
    assert jax.grad(bounded)(raw) == pytest.approx(1.0)
  raw = jnp.array([-1e30, -50.0, -3.0, -0.1, 0.1, 0.3, 50.0, 1e30])
  values = bounded(raw)
  assert jnp.all((values >= -2.0) & (values <= 0.4))
  assert jnp.all(jnp.diff(values) >= 0)
  assert jnp.all(jnp.isfinite(jax.vmap(jax.grad(bounded))(raw)))
  np.testing.assert_allclose(values[jnp.array([0, -1])], [-2.0, 0.4])


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'num_couplings': 1}, 'num_couplings must be at least 2.* but is 1'),
    ({'hidden_sizes': (8, 0)}, r'hidden_sizes must be whole numbers.*\(8, 0\)'),
  ],
)
def test_a_chain_of_no_sense_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    flow.CouplingsConfig(**options)
