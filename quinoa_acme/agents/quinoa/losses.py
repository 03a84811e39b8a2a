"""The equations of the Quinoa paper (arXiv 1911.01831), as pure functions."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp


def log_ratio(log_prob: jax.Array, prior_log_prob: jax.Array) -> jax.Array:
  """D = log pi(a|s) - log prior(a|s); line 3 of Algorithm 2.

  Args:
    log_prob: log-density of the actions under the policy, [..., B].
    prior_log_prob: the same under the prior, [..., B].

  Returns:
    An array of shape [..., B]. Its mean over actions of the policy estimates
    the KL divergence, in nats.
  """
  chex.assert_equal_shape([log_prob, prior_log_prob])
  return log_prob - prior_log_prob


def soft_q(
  value: jax.Array, log_ratios: jax.Array, temperature: jax.Array
) -> jax.Array:
  """Q(a, s) = V(s) + alpha * D; equation 2, and line 5 of Algorithm 2.

  Args:
    value: V(s), [B].
    log_ratios: D of the actions taken, [B].
    temperature: alpha, scalar.

  Returns:
    Q, [B], in units of reward.
  """
  chex.assert_equal_shape([value, log_ratios])
  chex.assert_rank([value, temperature], [1, 0])
  return value + temperature * log_ratios


def td_target(
  reward: jax.Array,
  discount: jax.Array,
  next_value: jax.Array,
) -> jax.Array:
  """y = r + gamma * V'(s'); equation 3, and line 6 of Algorithm 2.

  V' is already the expectation over the next state's actions, so no action is
  sampled.

  Args:
    reward: r, [B].
    discount: gamma times the environment's own discount (0 at a terminal
      state), [B].
    next_value: V'(s') of the target value network, [B].

  Returns:
    The target, [B], through which no gradient flows.
  """
  chex.assert_equal_shape([reward, discount, next_value])
  chex.assert_rank(reward, 1)
  return jax.lax.stop_gradient(reward + discount * next_value)


class SoftReturn(NamedTuple):
  """The part of a multi-step target that follows the first reward.

  Attributes:
    later: what the intermediate steps add, [B], in units of reward.
    rest: the factor that remains for the final value, [B], in [0, 1].
  """

  later: jax.Array
  rest: jax.Array


def soft_return(
  rewards: jax.Array,
  log_ratios: jax.Array,
  weights: jax.Array,
  temperature: jax.Array,
) -> SoftReturn:
  """sum_k w_k (r_k - alpha D_k), where -alpha D is the soft problem's reward.

  Args:
    rewards: r_k, [B, n - 1].
    log_ratios: D of the actions taken, [B, n - 1].
    weights: products of the discounts before each step, 0 after the last one,
      [B, n - 1].
    temperature: alpha, scalar.

  Returns:
    The sum; `rest` is 1.
  """
  chex.assert_equal_shape([rewards, log_ratios, weights])
  chex.assert_rank([rewards, temperature], [2, 0])
  later = jnp.sum(weights * (rewards - temperature * log_ratios), axis=1)
  return SoftReturn(later, jnp.ones_like(later))


def cut_soft_return(
  rewards: jax.Array,
  log_ratios: jax.Array,
  weights: jax.Array,
  temperature: jax.Array,
  values: jax.Array,
  traces: jax.Array,
) -> SoftReturn:
  """The soft return with a trace that is cut at unlikely actions.

    sum_k w_k (c_1 ... c_{k-1}) [c_k (r_k - alpha D_k) + (1 - c_k) V(s_k)]

  `rest` is c_1 ... c_{n-1}. Traces of 1 give `soft_return`, traces of 0 the
  one-step target. With r - alpha D = Q - V, this is Retrace's target (Munos
  et al., 2016, equation 3) for the soft problem.

  Args:
    rewards: r_k, [B, n - 1].
    log_ratios: D of the actions taken, [B, n - 1].
    weights: products of the discounts before each step, 0 after the last one,
      [B, n - 1].
    temperature: alpha, scalar.
    values: V(s_k), [B, n - 1].
    traces: c_k, [B, n - 1], in [0, 1].

  Returns:
    The sum, and the factor that remains for the final value.
  """
  chex.assert_equal_shape([rewards, log_ratios, weights, values, traces])
  chex.assert_rank([rewards, temperature], [2, 0])
  traces = jnp.where(weights > 0, traces, 1.0)  # No step, nothing to cut.
  through = jnp.cumprod(traces, axis=1)
  until = jnp.concatenate(
    [jnp.ones_like(through[:, :1]), through[:, :-1]], axis=1
  )
  taken = traces * (rewards - temperature * log_ratios)
  later = jnp.sum(weights * until * (taken + (1.0 - traces) * values), axis=1)
  return SoftReturn(later, through[:, -1])


def likelihood(log_ratios: jax.Array, scale: float) -> jax.Array:
  """exp(min(D, 0) / scale): near 0 for actions the policy left.

  Args:
    log_ratios: D of the actions, float array of any shape.
    scale: in nats.

  Returns:
    An array of the same shape, in [0, 1], through which no gradient flows.
  """
  return jax.lax.stop_gradient(jnp.exp(jnp.minimum(log_ratios, 0.0) / scale))


def td_loss(q: jax.Array, target: jax.Array) -> jax.Array:
  """mean (y - Q)^2; equation 3, and line 7 of Algorithm 2.

  Args:
    q: Q(a, s), [B].
    target: y, [B].

  Returns:
    A scalar.
  """
  chex.assert_equal_shape([q, target])
  chex.assert_rank(q, 1)
  return jnp.mean(jnp.square(target - q))


def weighted_td_loss(
  q: jax.Array, target: jax.Array, weights: jax.Array
) -> jax.Array:
  """mean w (y - Q)^2: the TD loss with a weight for each transition.

  Args:
    q: Q(a, s), [B].
    target: y, [B].
    weights: w, [B].

  Returns:
    A scalar.
  """
  chex.assert_equal_shape([q, target, weights])
  chex.assert_rank(q, 1)
  return jnp.mean(weights * jnp.square(target - q))


def proximity_loss(q: jax.Array, slow_q: jax.Array) -> jax.Array:
  """mean (Q(s, a') - Q'(s, a'))^2 at actions a' sampled from the policy.

  A proximal term in function space: at actions outside replay, Q moves no
  faster than its target network Q' follows.

  Args:
    q: Q of one sampled action per state, [B]. Its gradient is with respect to
      the parameters, not through the action.
    slow_q: the same by the target networks, [B], treated as constant.

  Returns:
    A scalar.
  """
  return td_loss(q, jax.lax.stop_gradient(slow_q))


def conservative_loss(log_ratios: jax.Array) -> jax.Array:
  """-mean D at the data's actions.

  Since D = (Q - V) / alpha and V is the soft maximum of Q, this is the penalty
  of conservative Q-learning (Kumar et al., 2020, arXiv 2006.04779, equation 4)
  divided by alpha. It is exact: the soft maximum needs no samples.

  Args:
    log_ratios: D of the replayed actions, [..., B].

  Returns:
    A scalar, in nats.
  """
  return -jnp.mean(log_ratios)


def pool(critics: jax.Array, pessimism: float) -> jax.Array:
  """mean_j Q_j - pessimism * std_j Q_j: one value from several critics.

  With two critics and pessimism 1 this is their minimum, the value that SAC and
  TD3 use.

  Args:
    critics: the critics' values, [C, ...].
    pessimism: weight of the standard deviation.

  Returns:
    An array of shape [...], through which no gradient flows.
  """
  value = jnp.mean(critics, axis=0)
  if pessimism:
    value -= pessimism * jnp.std(critics, axis=0)
  return jax.lax.stop_gradient(value)


def soft_value(
  q: jax.Array, log_ratios: jax.Array, temperature: jax.Array
) -> jax.Array:
  """Q(a, s) - alpha * D, an estimate of V(s) from one action per state.

  Equation 2 solved for V.

  Args:
    q: Q of actions of the policy, [B].
    log_ratios: D of these actions, [B].
    temperature: alpha, scalar.

  Returns:
    V, [B], in units of reward.
  """
  chex.assert_equal_shape([q, log_ratios])
  chex.assert_rank([q, temperature], [1, 0])
  return q - temperature * log_ratios


def critic_loss(critics: jax.Array, target: jax.Array) -> jax.Array:
  """The sum over critics of mean (y - Q_j)^2; zero if there are none.

  Args:
    critics: the critics' values of the replayed actions, [C, B].
    target: y, [B].

  Returns:
    A scalar.
  """
  chex.assert_rank([critics, target], [2, 1])
  chex.assert_axis_dimension(critics, 1, target.shape[0])
  return jnp.sum(jnp.mean(jnp.square(critics - target[None]), axis=1))


def policy_fit_loss(
  critics: jax.Array, log_ratios: jax.Array, temperature: jax.Array
) -> jax.Array:
  """The least-squares fit of V + alpha D to Q over the policy; V is solved for.

  At each state, the V that best fits K sampled actions is the mean of Q - alpha
  D over them. Substituting it (variable projection; Golub and Pereyra, 1973)
  leaves the variance of Q - alpha D, which is zero if the policy is the prior
  times exp(Q / alpha), normalised. So the error of the network V, many times
  larger than alpha D, does not reach the policy. This is also the log-variance
  divergence of Richter et al., 'VarGrad', 2020 (arXiv 2010.10436).

  Args:
    critics: Q of K sampled actions per state, [K, B].
    log_ratios: D of these actions, [K, B].
    temperature: alpha, scalar.

  Returns:
    A scalar: the mean over states of the unbiased variance over actions.
  """
  chex.assert_equal_shape([critics, log_ratios])
  chex.assert_rank([critics, temperature], [2, 0])
  residual = jax.lax.stop_gradient(critics) - temperature * log_ratios
  return jnp.mean(jnp.var(residual, axis=0, ddof=1))


def value_fit_loss(
  value: jax.Array,
  critics: jax.Array,
  log_ratios: jax.Array,
  temperature: jax.Array,
) -> jax.Array:
  """mean (V - mean_k(Q_k - alpha D_k))^2: V regressed on equation 2.

  Args:
    value: V(s), [B].
    critics: Q of K sampled actions per state, [K, B].
    log_ratios: D of these actions, [K, B].
    temperature: alpha, scalar.

  Returns:
    A scalar, whose gradient is with respect to V alone.
  """
  chex.assert_equal_shape([critics, log_ratios])
  chex.assert_rank([value, critics, temperature], [1, 2, 0])
  target = jnp.mean(critics - temperature * log_ratios, axis=0)
  return td_loss(value, jax.lax.stop_gradient(target))
