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


def test_conservative_loss_pays_for_likely_data():
  assert losses.conservative_loss(_A) == pytest.approx(-np.mean(_A))


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


# Two critics, or two actions, of three states.
_Q = jnp.array([[1.0, 2.0, 3.0], [2.0, 0.0, 3.0]])
_D = jnp.array([[0.5, 1.0, 0.0], [1.0, -1.0, 2.0]])
_ALPHA = jnp.asarray(2.0)


def test_two_critics_are_pooled_from_their_mean_to_the_smaller():
  np.testing.assert_allclose(losses.pool(_Q, 0.0), np.mean(_Q, axis=0))
  np.testing.assert_allclose(
    losses.pool(_Q, 1.0), np.min(_Q, axis=0), atol=1e-6
  )


@pytest.mark.parametrize('pessimism', [0.0, 1.0])
def test_no_gradient_flows_through_pooled_critics(pessimism):
  # Where critics agree, the standard deviation has no derivative.
  gradient = jax.grad(lambda q: jnp.sum(losses.pool(q, pessimism)))(
    jnp.ones((2, 3))
  )
  np.testing.assert_array_equal(gradient, 0.0)


_REWARDS = jnp.array([[1.0, 2.0], [0.0, 3.0]])
_RATIOS = jnp.array([[0.5, -1.0], [1.0, 2.0]])
_WEIGHTS = jnp.array([[0.9, 0.8], [0.5, 0.0]])
_VALUES = jnp.array([[4.0, 5.0], [6.0, 7.0]])


def test_a_soft_return_is_soft_and_weighted():
  found = losses.soft_return(_REWARDS, _RATIOS, _WEIGHTS, _ALPHA)
  np.testing.assert_allclose(found.later, [3.2, -1.0], rtol=1e-6)
  np.testing.assert_array_equal(found.rest, [1.0, 1.0])


def test_a_trace_that_is_not_cut_is_the_soft_return():
  found = losses.cut_soft_return(
    _REWARDS, _RATIOS, _WEIGHTS, _ALPHA, _VALUES, jnp.ones((2, 2))
  )
  np.testing.assert_allclose(found.later, [3.2, -1.0], rtol=1e-6)
  np.testing.assert_array_equal(found.rest, [1.0, 1.0])


def test_a_trace_that_is_cut_leaves_the_value():
  found = losses.cut_soft_return(
    _REWARDS, _RATIOS, _WEIGHTS, _ALPHA, _VALUES, jnp.zeros((2, 2))
  )
  # One step: the discount times V of the next state.
  np.testing.assert_allclose(found.later, [0.9 * 4.0, 0.5 * 6.0], rtol=1e-6)
  # The second has ended before its second step, which so cuts nothing.
  np.testing.assert_array_equal(found.rest, [0.0, 0.0])


def test_a_trace_is_cut_by_shares():
  traces = jnp.array([[0.5, 0.25], [0.5, 0.0]])
  found = losses.cut_soft_return(
    _REWARDS, _RATIOS, _WEIGHTS, _ALPHA, _VALUES, traces
  )
  alpha = float(_ALPHA)
  first = 0.5 * (1.0 - alpha * 0.5) + 0.5 * 4.0
  second = 0.25 * (2.0 + alpha * 1.0) + 0.75 * 5.0
  other = 0.5 * (0.0 - alpha * 1.0) + 0.5 * 6.0
  np.testing.assert_allclose(
    found.later, [0.9 * first + 0.8 * 0.5 * second, 0.5 * other], rtol=1e-6
  )
  # The second has no second step that could cut.
  np.testing.assert_allclose(found.rest, [0.125, 0.5])


def test_likelihood_falls_below_the_prior_alone_and_has_no_gradient():
  ratios = jnp.array([3.0, 0.0, -2.0])
  np.testing.assert_allclose(
    losses.likelihood(ratios, 4.0), [1.0, 1.0, np.exp(-0.5)], rtol=1e-6
  )
  gradient = jax.grad(lambda x: jnp.sum(losses.likelihood(x, 4.0)))(ratios)
  np.testing.assert_array_equal(gradient, 0.0)


def test_weighted_td_loss_is_the_mean_of_weighted_squares():
  loss = losses.weighted_td_loss(
    jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0]), jnp.array([1.0, 0.5])
  )
  assert loss == pytest.approx(1.5)


def test_soft_value_solves_equation_2_for_the_value():
  value = losses.soft_value(_Q[0], _D[0], _ALPHA)
  np.testing.assert_allclose(losses.soft_q(value, _D[0], _ALPHA), _Q[0])


def test_critic_loss_is_the_sum_over_critics():
  target = jnp.array([1.0, 1.0, 1.0])
  # The squares are 0, 1, 4 and 1, 1, 4.
  assert losses.critic_loss(_Q, target) == pytest.approx(11 / 3)
  assert losses.critic_loss(jnp.zeros((0, 3)), target) == 0.0


def test_policy_fit_loss_is_the_variance_of_what_is_left():
  # Q - alpha D is (0, 0), (0, 2) and (3, -1).
  loss = losses.policy_fit_loss(_Q, _D, _ALPHA)
  assert loss == pytest.approx((0 + 2 + 8) / 3)


def test_value_fit_loss_is_to_the_mean_of_what_is_left():
  value = jnp.array([1.0, 1.0, 1.0])
  # The means are 0, 1 and 1.
  loss = losses.value_fit_loss(value, _Q, _D, _ALPHA)
  assert loss == pytest.approx(1 / 3)


def test_a_soft_policy_is_where_the_fit_is_perfect():
  """On a grid of actions: exp(Q / alpha), normalised, leaves only V."""
  q = jnp.sin(jnp.linspace(0.0, 5.0, 20))[:, None] + jnp.arange(3.0)[None]
  log_prob = jax.nn.log_softmax(q / _ALPHA, axis=0)
  log_ratio = log_prob + jnp.log(20.0)
  value = _ALPHA * (jax.nn.logsumexp(q / _ALPHA, axis=0) - jnp.log(20.0))
  assert losses.policy_fit_loss(q, log_ratio, _ALPHA) < 1e-10
  assert losses.value_fit_loss(value, q, log_ratio, _ALPHA) < 1e-10
  # No constant of a state matters to the policy.
  shifted = q + jnp.array([[5.0, -3.0, 100.0]])
  assert losses.policy_fit_loss(shifted, log_ratio, _ALPHA) < 1e-8


def test_the_fit_moves_no_critic():
  for loss in (
    lambda q: losses.policy_fit_loss(q, _D, _ALPHA),
    lambda q: losses.value_fit_loss(jnp.zeros(3), q, _D, _ALPHA),
  ):
    np.testing.assert_array_equal(jax.grad(loss)(_Q), jnp.zeros((2, 3)))


def test_the_value_s_fit_does_not_move_the_policy():
  def loss(log_ratio):
    return losses.value_fit_loss(jnp.zeros(3), _Q, log_ratio, _ALPHA)

  np.testing.assert_array_equal(jax.grad(loss)(_D), jnp.zeros((2, 3)))


@pytest.mark.parametrize(
  'call',
  [
    lambda: losses.log_ratio(_A, _B[:, None]),
    lambda: losses.soft_q(_A, _B[:2], jnp.asarray(1.0)),
    lambda: losses.soft_q(_A, _B, jnp.ones(3)),
    lambda: losses.soft_q(_A[0], _B[0], jnp.asarray(1.0)),
    lambda: losses.td_target(_A[:, None], _A, _B),
    lambda: losses.td_target(_A, jnp.asarray(0.9), _B),
    lambda: losses.td_target(*3 * [_A[:, None]]),
    lambda: losses.td_loss(_A, _B[:, None]),
    lambda: losses.td_loss(_A[None], _B[None]),
    lambda: losses.soft_value(_Q, _D, _ALPHA),
    lambda: losses.critic_loss(_Q, _D),
    lambda: losses.critic_loss(_Q[:, :2], _A),
    lambda: losses.policy_fit_loss(_Q, _D[0], _ALPHA),
    lambda: losses.value_fit_loss(_A[None], _Q, _D, _ALPHA),
  ],
)
def test_other_ranks_are_refused(call):
  with pytest.raises(AssertionError):
    call()
