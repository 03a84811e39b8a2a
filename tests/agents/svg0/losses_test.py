"""Tests of SVG(0)'s equations, against numbers worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents.svg0 import losses


def test_the_value_and_the_policy_s_loss():
  q = jnp.array([[1.0, 2.0], [3.0, 6.0]])
  penalty = jnp.array([0.5, -1.0])
  np.testing.assert_allclose(losses.state_value(q, penalty), [1.5, 5.0])
  assert float(losses.policy_loss(q, penalty)) == -3.25
  with pytest.raises(AssertionError):
    losses.state_value(q, penalty[:1])


def test_the_gradient_goes_through_the_actions():
  """Q = -(a - 3)^2 and a = theta + eta: the policy's loss pulls theta to 3."""
  noise = jnp.array([[-1.0, 0.5], [1.0, -0.5]])

  def loss(theta):
    return losses.policy_loss(-jnp.square(theta + noise - 3), jnp.zeros(2))

  # 2 E[theta + eta - 3], and the noise has mean 0.
  assert float(jax.grad(loss)(1.0)) == pytest.approx(-4.0)
  assert float(jax.grad(loss)(3.0)) == pytest.approx(0.0, abs=1e-6)
