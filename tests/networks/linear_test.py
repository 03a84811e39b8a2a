"""Tests of the products that layers are made of, and of their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.networks import linear


@pytest.mark.parametrize('output_size', [1, 2, 3, 4, 9, 20, 33])
@pytest.mark.parametrize('leading', [(7,), (3, 7)])
def test_products_of_any_width_have_the_gradients_of_a_product(
  leading, output_size
):
  rng = np.random.default_rng(0)
  inputs = rng.normal(size=(*leading, 20)).astype(np.float32)
  weight = rng.normal(size=(20, output_size)).astype(np.float32)
  directions = rng.normal(size=(*leading, output_size)).astype(np.float32)

  def gradients(product):
    return jax.value_and_grad(
      lambda x, w: jnp.sum(directions * jnp.sin(product(x, w))), argnums=(0, 1)
    )(inputs, weight)

  found = gradients(lambda x, w: linear.product([x], w))
  expected = gradients(lambda x, w: jnp.einsum('...i,io->...o', x, w))
  jax.tree_util.tree_map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4),
    found,
    expected,
  )


def test_what_rows_have_in_common_has_the_sum_of_their_gradients():
  rng = np.random.default_rng(1)
  state = rng.normal(size=(5, 4)).astype(np.float32)
  action = rng.normal(size=(3, 5, 2)).astype(np.float32)
  weight = rng.normal(size=(6, 3)).astype(np.float32)

  def joined(state, action, weight):
    wide = jnp.broadcast_to(state, (3, 5, 4))
    return jnp.concatenate([wide, action], axis=-1) @ weight

  def loss(product):
    return lambda *args: jnp.sum(jnp.cos(product(*args)))

  found, expected = (
    jax.grad(loss(product), argnums=(0, 1, 2))(state, action, weight)
    for product in (lambda s, a, w: linear.product([s, a], w), joined)
  )
  for one, other in zip(found, expected, strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
