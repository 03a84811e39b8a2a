"""Tests of the box: what specs are taken, and the maps to and from logits."""

import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from quinoa_acme.networks import box as box_lib
from quinoa_acme.utils import specs

_SPEC = specs.BoundedArray(
  (3,), np.float32, [-1.0, 0.0, -5e5], [3.0, 1e-3, 5e5]
)


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    (specs.Array((2,), np.float32), 'bounded, continuous .* finite minimum'),
    (specs.DiscreteArray(4), 'bounded, continuous'),
    (specs.BoundedArray((2,), np.int32, 0, 3), 'floating-point .* int32'),
    (specs.BoundedArray((0,), np.float32, -1, 1), 'no dimension to act in'),
    (
      specs.BoundedArray((2,), np.float32, [-1, 2], [1, 2]),
      'dimension 1 of .* minimum 2.0 and maximum 2.0',
    ),
    (
      specs.BoundedArray((2,), np.float32, [-1, -np.inf], 1),
      'dimension 1 of .* minimum -inf',
    ),
    (
      specs.BoundedArray((2,), np.float32, -1, [np.inf, 1]),
      'dimension 0 of .* maximum inf',
    ),
    (
      specs.BoundedArray((1,), np.float32, np.nan, 1),
      'dimension 0 of .* minimum nan',
    ),
    # Finite in double precision only, or with an infinite or no width.
    (specs.BoundedArray((1,), np.float64, -1e39, 1), 'minimum -inf'),
    (specs.BoundedArray((1,), np.float32, -3e38, 3e38), 'finite action bounds'),
    (specs.BoundedArray((1,), np.float64, 1, 1 + 1e-12), 'minimum < maximum'),
    # dm_control's way to say that there is none.
    (
      specs.BoundedArray((2,), np.float64, -1, [1, 1e10]),
      r'dimension 1 of .* maximum 1e\+10; .* there is no bound',
    ),
  ],
)
def test_a_spec_that_is_no_finite_box_of_floats_is_refused(spec, message):
  with pytest.raises(ValueError, match=message):
    box_lib.Box.from_spec(spec)


def test_scalar_bounds_hold_for_every_dimension():
  spec = specs.BoundedArray((2, 3), np.float64, -1.0, 2.0)
  box = box_lib.Box.from_spec(spec)
  assert box.shape == (2, 3)
  assert box.num_dimensions == 6
  assert box.low.dtype == box.high.dtype == np.float32
  np.testing.assert_array_equal(box.low, np.full(6, -1, np.float32))
  np.testing.assert_array_equal(box.high, np.full(6, 2, np.float32))
  assert box.log_volume == pytest.approx(6 * np.log(3))


def test_flatten_keeps_the_batch_and_casts():
  box = box_lib.Box.from_spec(specs.BoundedArray((2, 3), np.float64, -1, 2))
  flat = box.flatten(np.arange(12.0).reshape(2, 2, 3))
  assert flat.dtype == jnp.float32
  np.testing.assert_array_equal(flat, np.arange(12.0).reshape(2, 6))
  scalar = box_lib.Box.from_spec(specs.BoundedArray((), np.float32, -1, 2))
  assert scalar.flatten(np.zeros(4)).shape == (4, 1)


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_actions_come_back_from_their_logits(unit):
  box = box_lib.Box.from_spec(_SPEC)
  action = box.low + (box.high - box.low) * np.float32(unit)
  logit = box.to_logit(action)
  assert jnp.all(jnp.isfinite(logit))
  error = np.abs(box.to_action(logit) - action) / (box.high - box.low)
  assert np.max(error) < 3e-6


@pytest.mark.parametrize('logit', [0.0, 14.0, 90.0, 1e30, np.inf])
def test_actions_are_never_outside_of_the_box(logit):
  box = box_lib.Box.from_spec(_SPEC)
  for sign in (-1, 1):
    action = box.to_action(jnp.full(3, sign * logit, jnp.float32))
    assert np.all(action >= box.low)
    assert np.all(action <= box.high)


def test_logits_are_symmetric_and_their_slope_is_finite_on_the_faces():
  box = box_lib.Box.from_spec(specs.BoundedArray((1,), np.float32, -1, 1))
  low, high = box.to_logit(jnp.array([[-1.0], [1.0]]))
  assert low == pytest.approx(-np.log(1e6), rel=1e-3)
  assert high == pytest.approx(np.log(1e6), rel=1e-2)
  slope = jax.grad(lambda a: jnp.sum(box.to_logit(a)))
  for action in (-1.0, 1.0, 1.0 - 1e-7):
    assert jnp.isfinite(slope(jnp.full((1,), action))).all()


def test_the_logistic_density_is_that_of_scipy():
  logit = np.array([-80, -20, -1.5, -1e-3, 0, 1e-3, 2, 30, 80], np.float32)
  np.testing.assert_allclose(
    box_lib.logistic_log_prob(logit), stats.logistic.logpdf(logit), rtol=1e-6
  )
  # It is the sigmoid's log-derivative, and has a slope everywhere.
  inner = logit[2:-2]
  slopes = jax.vmap(jax.grad(jax.nn.sigmoid))(inner)
  np.testing.assert_allclose(
    box_lib.logistic_log_prob(inner), jnp.log(slopes), rtol=1e-5
  )
  gradient = jax.vmap(jax.grad(box_lib.logistic_log_prob))(logit)
  np.testing.assert_allclose(
    gradient, 1 - 2 * stats.logistic.cdf(logit), atol=1e-6
  )


def test_share_at_bounds_counts_elements():
  box = box_lib.Box.from_spec(specs.BoundedArray((2,), np.float32, 0, [1, 100]))
  actions = jnp.array([[0.0, 50.0], [0.5, 99.5], [0.995, 0.5], [0.02, 98.0]])
  assert box.share_at_bounds(actions) == pytest.approx(4 / 8)


@pytest.mark.parametrize(
  ('low', 'high'), [(-0.1, 0.1), (1.0, 1.0000003), (-1e-3, 1e9 + 7), (-1, 1)]
)
def test_a_box_in_float32_is_within_that_of_float64(low, high):
  box = box_lib.Box.from_spec(specs.BoundedArray((1,), np.float64, low, high))
  actions = np.float64(box.from_unit(jnp.linspace(0, 1, 50)[:, None]))
  assert low <= actions.min() <= actions.max() <= high
  # By a step of float32 at most.
  assert np.nextafter(box.low, np.float32(-np.inf)) <= low
  assert np.nextafter(box.high, np.float32(np.inf)) >= high


def test_a_box_that_float32_does_not_resolve_is_refused():
  with pytest.raises(ValueError, match='minimum < maximum in float32'):
    box_lib.Box.from_spec(
      specs.BoundedArray((1,), np.float64, 1.00000001, 1.00000002)
    )
