"""Tests of the bijectors that flows are chains of."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.networks.flows import bijectors


def test_a_permutation_is_exact_and_undone():
  order = np.array([2, 0, 1])
  permutation = bijectors.Permutation(order)
  x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
  y, log_det = permutation.forward_and_log_det(x)
  np.testing.assert_array_equal(y, x[..., order])
  np.testing.assert_array_equal(log_det, np.zeros((4, 5)))
  back, log_det = permutation.inverse_and_log_det(y)
  np.testing.assert_array_equal(back, x)
  np.testing.assert_array_equal(log_det, np.zeros((4, 5)))


def _scale_by(kept):
  width = 3 - kept.shape[-1]
  shift = jnp.sum(jnp.sin(kept), axis=-1, keepdims=True)
  shift = jnp.broadcast_to(shift, (*kept.shape[:-1], width))
  return {'shift': shift, 'log_scale': 0.3 * shift}


def _couplings():
  """A chain of ours and the same of distrax, of three dimensions."""
  order = np.array([2, 0, 1])
  ours = bijectors.Chain(
    [
      bijectors.SplitCoupling(
        2,
        lambda kept: bijectors.ScalarAffine(**_scale_by(kept)),
        moves_first=moves_first,
      )
      for moves_first in (False, True)
    ]
    + [bijectors.Permutation(order)]
  )
  theirs = distrax.Chain(
    [
      distrax.SplitCoupling(
        split_index=2,
        event_ndims=1,
        conditioner=_scale_by,
        bijector=lambda options: distrax.ScalarAffine(**options),
        swap=swap,
      )
      for swap in (True, False)
    ]
  )
  return ours, theirs, order


def test_couplings_are_those_of_distrax():
  ours, theirs, order = _couplings()
  x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
  y, log_det = ours.forward_and_log_det(x)
  expected, expected_log_det = theirs.forward_and_log_det(jnp.asarray(x))
  np.testing.assert_array_equal(y, np.asarray(expected)[..., order])
  np.testing.assert_allclose(log_det, expected_log_det, rtol=1e-6, atol=1e-6)
  back, log_det = ours.inverse_and_log_det(y)
  expected, expected_log_det = theirs.inverse_and_log_det(
    jnp.asarray(y)[..., np.argsort(order)]
  )
  np.testing.assert_array_equal(back, np.asarray(expected))
  np.testing.assert_allclose(log_det, expected_log_det, rtol=1e-6, atol=1e-6)


def test_an_elementwise_bijector_of_distrax_fits():
  log_scale = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
  x = np.ones((4, 3), np.float32)
  ours, theirs = (
    bijectors.Elementwise(module.ScalarAffine(x, log_scale=log_scale))
    for module in (bijectors, distrax)
  )
  for found, expected in zip(
    (*ours.forward_and_log_det(x), *ours.inverse_and_log_det(x)),
    (*theirs.forward_and_log_det(x), *theirs.inverse_and_log_det(x)),
    strict=True,
  ):
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_scale_of_fewer_dimensions_counts_for_every_point():
  affine = bijectors.ScalarAffine(jnp.zeros((4, 3)), jnp.full((4, 3), 0.5))
  x = np.ones((7, 4, 3), np.float32)
  _, log_det = bijectors.Elementwise(affine).forward_and_log_det(x)
  np.testing.assert_allclose(log_det, np.full((7, 4), 1.5), rtol=1e-6)


@pytest.mark.parametrize('shape', [(3,), (4, 5, 3)])
def test_an_image_that_is_given_has_the_gradient_of_the_inverse(shape):
  x = np.random.default_rng(2).normal(size=shape).astype(np.float32)

  def chain(scale):
    return bijectors.Chain(
      [
        bijectors.SplitCoupling(
          2,
          lambda kept: bijectors.ScalarAffine(**_scale_by(scale * kept)),
          moves_first=moves_first,
        )
        for moves_first in (False, True, False)
      ]
    )

  def inverse(scale, y):
    back, log_det = chain(scale).inverse_and_log_det(y)
    return jnp.sum(jnp.cos(back)) + jnp.sum(log_det)

  def given(scale):
    y, back, log_det = chain(scale).forward_as_given(jnp.asarray(x))
    loss = jnp.sum(jnp.cos(back)) + jnp.sum(log_det) + jnp.sum(y)
    return loss, (y, back)

  y, _ = chain(0.7).forward_and_log_det(x)
  slope, (image, back) = jax.grad(given, has_aux=True)(0.7)
  np.testing.assert_array_equal(image, y)
  np.testing.assert_array_equal(back, x)
  np.testing.assert_allclose(slope, jax.grad(inverse)(0.7, y), rtol=1e-4)
