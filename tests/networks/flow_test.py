"""Tests of what the flows share: the order of dimensions, and bounds."""

import functools

import densities
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks
from quinoa_acme.networks import flow


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
