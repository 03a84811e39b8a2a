"""Tests of the equations, with literal values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents.quinoa import losses

_A = jnp.array([1.0, -2.0, 0.5])
_B = jnp.array([0.5, 1.0, -0.5])


def test_log_ratio():
  np.testing.assert_allclose(losses.log_ratio(_A, _B), [0.5, -3.0, 1.0])


def test_soft_q():
  q = losses.soft_q(_A, _B, jnp.asarray(2.0))
  np.testing.assert_allclose(q, [2.0, 0.0, -0.5])


def test_td_target():
  target = losses.td_target(_A, jnp.array([0.9, 0.9, 0.5]), _B)
  np.testing.assert_allclose(target, [1.45, -1.1, 0.25], rtol=1e-6)


def test_nothing_is_bootstrapped_from_a_terminal_state():
  target = losses.td_target(_A, jnp.zeros(3), jnp.full(3, 1e6))
  np.testing.assert_array_equal(target, _A)


def test_td_loss():
  # The squares are 0.25, 9 and 1.
  assert losses.td_loss(_A, _B) == pytest.approx(10.25 / 3)


def test_no_gradient_flows_through_the_target():
  def loss(value):
    return losses.td_loss(_A, losses.td_target(_B, 0.9 * jnp.ones(3), value))

  np.testing.assert_array_equal(jax.grad(loss)(_B), np.zeros(3))
  gradient = jax.grad(losses.td_loss)(_A, _B)
  np.testing.assert_allclose(gradient, 2 / 3 * (_A - _B), rtol=1e-6)


@pytest.mark.parametrize(
  'call',
  [
    lambda: losses.log_ratio(_A, _B[:, None]),
    lambda: losses.log_ratio(_A[:, None], _B[:, None]),
    lambda: losses.soft_q(_A, _B[:2], jnp.asarray(1.0)),
    lambda: losses.soft_q(_A, _B, jnp.ones(3)),
    lambda: losses.soft_q(_A[0], _B[0], jnp.asarray(1.0)),
    lambda: losses.td_target(_A[:, None], _A, _B),
    lambda: losses.td_target(_A, jnp.asarray(0.9), _B),
    lambda: losses.td_target(*3 * [_A[:, None]]),
    lambda: losses.td_loss(_A, _B[:, None]),
    lambda: losses.td_loss(_A[None], _B[None]),
  ],
)
def test_other_ranks_are_refused(call):
  with pytest.raises(AssertionError):
    call()
