"""The temperature alpha: fixed, from a dual in two readings, or a multiplier.

The appendix of the paper (section 6.1) makes alpha the Lagrange multiplier of
the constraint KL(pi || prior) < epsilon. Algorithm 2 (line 4) solves for it on
every batch, by regula falsi on the derivative of the dual.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.utils import validation


def _check_bounds(
  options: 'DualTemperature | MultiplierTemperature | HeldQTemperature',
) -> None:
  minimum, maximum = options.minimum, options.maximum
  if not 0 < minimum < maximum < np.inf:
    raise ValueError(
      'a temperature needs bounds with 0 < minimum < maximum < inf, but got '
      f'minimum {minimum} and maximum {maximum}.'
    )
  validation.check_positive(options, 'minimum', 'maximum')


@dataclasses.dataclass(frozen=True)
class FixedTemperature:
  """A constant alpha.

  Attributes:
    value: alpha, in units of reward per nat.

  Examples:
    >>> float(initial(FixedTemperature(0.5)))
    0.5
  """

  value: float = 0.1

  def __post_init__(self):
    validation.check_positive(self, 'value')


@dataclasses.dataclass(frozen=True)
class DualTemperature:
  """Algorithm 2, line 4, as printed: alpha minimises the batch's dual.

  Attributes:
    epsilon: the bound on the KL divergence, in nats. A root exists only for
      epsilon < log(batch size).
    minimum: lower end of the bracket; the result if the dual only rises.
    maximum: upper end of the bracket; the result if the dual only falls.

  Examples:
    >>> bound_on_kl(DualTemperature(epsilon=0.1), num_dimensions=6)
    0.1
  """

  epsilon: float = 0.1
  minimum: float = 1e-4
  maximum: float = 1e4

  def __post_init__(self):
    validation.check_positive(self, 'epsilon')
    _check_bounds(self)


@dataclasses.dataclass(frozen=True)
class MultiplierTemperature:
  """The same constraint, enforced by a slowly moving multiplier.

  Each step moves log(alpha) by `rate * clip(KL / bound - 1, -1, 1)`, with KL
  estimated from sampled actions of the policy.

  Attributes:
    epsilon: the bound on the KL divergence, in nats per action dimension, so
      that one value suits tasks of different sizes.
    initial: alpha at the start.
    rate: the largest change of log(alpha) in one step.
    minimum: the smallest alpha.
    maximum: the largest alpha.

  Examples:
    >>> bound_on_kl(MultiplierTemperature(epsilon=1.5), num_dimensions=6)
    9.0
  """

  epsilon: float = 0.1
  initial: float = 1.0
  rate: float = 1e-3
  minimum: float = 1e-4
  maximum: float = 1e4

  def __post_init__(self):
    validation.check_positive(self, 'epsilon')
    _check_bounds(self)
    _check_initial(self)
    validation.check_rate(self, 'rate')


@dataclasses.dataclass(frozen=True)
class HeldQTemperature:
  """The same constraint, solved at each step with Q held fixed.

  This is the dual's derivative as section 6.1 of the paper prints it, in terms
  of Q. Hold Q = V + alpha D fixed and change alpha to alpha': the soft policy
  becomes prior^(1 - eta) pi^eta, normalised, with eta = alpha / alpha'. The
  solution is the alpha' at which that policy's KL divergence from the prior,
  averaged over states, equals the bound. If D is zero, as at the start and
  right after a copy of the prior, no alpha' is small enough; `max_step` limits
  each change. `held_q_kl` has the estimate, which needs several actions per
  state and so a `CriticFit`.

  Attributes:
    epsilon: the bound on the KL divergence, in nats per action dimension.
    initial: alpha at the start.
    max_step: the largest change of log(alpha) in one step.
    minimum: the smallest alpha.
    maximum: the largest alpha.

  Examples:
    >>> bound_on_kl(HeldQTemperature(epsilon=1.5), num_dimensions=6)
    9.0
  """

  epsilon: float = 0.1
  initial: float = 1.0
  max_step: float = 1e-3
  minimum: float = 1e-4
  maximum: float = 1e4

  def __post_init__(self):
    validation.check_positive(self, 'epsilon')
    _check_bounds(self)
    _check_initial(self)
    validation.check_rate(self, 'max_step')


def _check_initial(options: MultiplierTemperature | HeldQTemperature) -> None:
  if not options.minimum <= options.initial <= options.maximum:
    raise ValueError(
      f'initial must lie in [{options.minimum}, {options.maximum}], but is '
      f'{options.initial}.'
    )


Temperature = (
  FixedTemperature | DualTemperature | MultiplierTemperature | HeldQTemperature
)


def bound_on_kl(temperature: Temperature, num_dimensions: int) -> float | None:
  """The bound on the KL divergence in nats, or None if there is none.

  Args:
    temperature: how alpha is chosen.
    num_dimensions: the number A of action dimensions.
  """
  match temperature:
    case FixedTemperature():
      return None
    case DualTemperature():
      return temperature.epsilon
    case MultiplierTemperature() | HeldQTemperature():
      return temperature.epsilon * num_dimensions


def initial(temperature: Temperature) -> jax.Array:
  """alpha before the first step, a float32 scalar."""
  match temperature:
    case FixedTemperature():
      value = temperature.value
    case DualTemperature():
      # The first batch's solution replaces it before it is used.
      value = temperature.maximum
    case MultiplierTemperature() | HeldQTemperature():
      value = temperature.initial
  return jnp.asarray(value, jnp.float32)


def update(
  temperature: Temperature,
  alpha: jax.Array,
  value: jax.Array,
  log_ratio: jax.Array,
  kl: jax.Array,
  fresh_log_ratio: jax.Array,
  num_dimensions: int,
) -> jax.Array:
  """alpha for this SGD step.

  Args:
    temperature: how alpha is chosen.
    alpha: the previous step's temperature, scalar.
    value: V(s) of the batch, [B].
    log_ratio: D of the batch's actions, [B].
    kl: the estimated KL divergence of the policy from its prior, scalar.
    fresh_log_ratio: D of K actions of the policy in each state, [K, B].
    num_dimensions: the number A of action dimensions.

  Returns:
    A scalar, through which no gradient flows.
  """
  match temperature:
    case FixedTemperature():
      new_alpha = alpha
    case DualTemperature():
      new_alpha = solve_dual(
        value,
        log_ratio,
        temperature.epsilon,
        temperature.minimum,
        temperature.maximum,
      )
    case MultiplierTemperature():
      bound = temperature.epsilon * num_dimensions
      violation = jnp.clip(kl / bound - 1.0, -1.0, 1.0)
      new_alpha = jnp.clip(
        alpha * jnp.exp(temperature.rate * violation),
        temperature.minimum,
        temperature.maximum,
      )
    case HeldQTemperature():
      new_alpha = solve_held_q(
        alpha,
        fresh_log_ratio,
        temperature.epsilon * num_dimensions,
        temperature.max_step,
      )
      new_alpha = jnp.clip(new_alpha, temperature.minimum, temperature.maximum)
  return jax.lax.stop_gradient(new_alpha)


def dual(
  alpha: jax.Array, value: jax.Array, log_ratio: jax.Array, epsilon: float
) -> jax.Array:
  """alpha * epsilon + alpha * log mean exp(V / alpha + D); Algorithm 2, line 4.

  The mean is over the batch, states and actions alike, as printed there.

  Args:
    alpha: the temperature, scalar.
    value: V(s), [B].
    log_ratio: D of the batch's actions, [B].
    epsilon: the bound on the KL divergence.

  Returns:
    A scalar, convex in alpha.
  """
  peak = jnp.max(value)
  logits = (value - peak) / alpha + log_ratio
  return peak + alpha * (epsilon + _log_mean_exp(logits))


def dual_derivative(
  alpha: jax.Array, value: jax.Array, log_ratio: jax.Array, epsilon: float
) -> jax.Array:
  """The derivative of `dual` with respect to alpha; it rises with alpha.

    epsilon + log mean exp(z) - sum softmax(z) V / alpha,  z = V / alpha + D

  Args:
    alpha: the temperature, scalar.
    value: V(s), [B].
    log_ratio: D of the batch's actions, [B].
    epsilon: the bound on the KL divergence.

  Returns:
    A scalar.
  """
  # A constant added to V does not change the derivative. Shifting the largest V
  # to zero keeps the terms small when alpha is small.
  scaled = (value - jnp.max(value)) / alpha
  logits = scaled + log_ratio
  weights = jax.nn.softmax(logits)
  return epsilon + _log_mean_exp(logits) - jnp.sum(weights * scaled)


def solve_dual(
  value: jax.Array,
  log_ratio: jax.Array,
  epsilon: float,
  minimum: float,
  maximum: float,
) -> jax.Array:
  """The alpha in [minimum, maximum] that minimises `dual`.

  Regula falsi finds the derivative's zero in log(alpha). If the derivative is
  positive everywhere, the dual only rises and the result is `minimum`; if it is
  negative everywhere, the dual only falls and the result is `maximum`. The
  first happens for epsilon >= log(B), and for a constant V with D = 0, where
  every temperature, however small, meets the constraint.

  Args:
    value: V(s), [B].
    log_ratio: D of the batch's actions, [B].
    epsilon: the bound on the KL divergence.
    minimum: the lower end of the bracket, positive.
    maximum: the upper end.

  Returns:
    A scalar.
  """
  chex.assert_equal_shape([value, log_ratio])
  chex.assert_rank(value, 1)

  def derivative(log_alpha):
    return dual_derivative(jnp.exp(log_alpha), value, log_ratio, epsilon)

  log_alpha = find_root(derivative, jnp.log(minimum), jnp.log(maximum))
  return jnp.clip(jnp.exp(log_alpha), minimum, maximum)


def held_q_kl(log_eta: jax.Array, log_ratio: jax.Array) -> jax.Array:
  """E_s KL(q || prior) of q = prior^(1 - eta) pi^eta, normalised.

    KL = eta E_q[D] - log E_pi[exp((eta - 1) D)]

  The actions are samples of pi. The weights softmax((eta - 1) D), over those of
  one state, make them samples of q. At eta = 1 this is the mean of D. Its
  derivative with respect to eta is eta Var_q[D], so it rises; the estimate does
  too.

  Args:
    log_eta: log of eta, scalar.
    log_ratio: D of K actions of pi in each state, [K, B].

  Returns:
    A scalar, in nats.
  """
  eta = jnp.exp(log_eta)
  logits = (eta - 1.0) * log_ratio
  mean = jnp.sum(jax.nn.softmax(logits, axis=0) * log_ratio, axis=0)
  log_normaliser = jax.nn.logsumexp(logits, axis=0) - jnp.log(len(log_ratio))
  return jnp.mean(eta * mean - log_normaliser)


def solve_held_q(
  alpha: jax.Array, log_ratio: jax.Array, bound: float, max_step: float
) -> jax.Array:
  """The alpha' near alpha for which `held_q_kl` equals the bound.

  Args:
    alpha: the previous step's temperature, scalar.
    log_ratio: D of K actions of the policy in each state, [K, B].
    bound: the bound on the KL divergence, in nats.
    max_step: the largest change of log(alpha).

  Returns:
    A scalar.
  """
  log_eta = find_root(
    lambda log_eta: held_q_kl(log_eta, log_ratio) - bound, -max_step, max_step
  )
  return alpha * jnp.exp(-log_eta)


class _Bracket(NamedTuple):
  """An interval that contains the zero, with the values at its ends."""

  low: jax.Array
  high: jax.Array
  f_low: jax.Array
  f_high: jax.Array
  # Which end moved last: -1 for low, 1 for high, 0 at the start.
  moved: jax.Array
  # The width three steps ago, to see when to bisect.
  width: jax.Array
  iteration: jax.Array


_MAX_ITERATIONS = 100


def find_root(
  function: Callable[[jax.Array], jax.Array],
  low: chex.Numeric,
  high: chex.Numeric,
  tolerance: float = 1e-6,
) -> jax.Array:
  """The zero of a rising function in [low, high], or the end nearest to it.

  Regula falsi in the Illinois variant, which halves the value kept at an end
  that does not move. It bisects whenever three steps have not halved the
  bracket, so it takes at most three times as many steps as bisection.

  Args:
    function: from a scalar to a scalar, rising, traceable.
    low: the lower end.
    high: the upper end.
    tolerance: stop at this width of the bracket.

  Returns:
    A scalar: the zero; `low` if the function is positive on all of the
    interval; `high` if it is negative on all of it.
  """
  first, last = jnp.asarray(low, jnp.float32), jnp.asarray(high, jnp.float32)
  f_first, f_last = function(first), function(last)

  def unfinished(bracket: _Bracket):
    return (bracket.high - bracket.low > tolerance) & (
      bracket.iteration < _MAX_ITERATIONS
    )

  def shrink(bracket: _Bracket):
    low, high, f_low, f_high, moved, width, iteration = bracket
    false_position = high - f_high * (high - low) / (f_high - f_low)
    inside = (false_position > low) & (false_position < high)
    is_third = iteration % 3 == 2
    slow = is_third & (high - low > width / 2)
    middle = (low + high) / 2
    guess = jnp.where(slow | ~inside, middle, false_position)
    f_guess = function(guess)
    # An exact zero moves both ends.
    move_low, move_high = f_guess <= 0, f_guess >= 0
    new_low = jnp.where(move_low, guess, low)
    new_high = jnp.where(move_high, guess, high)
    return _Bracket(
      low=new_low,
      high=new_high,
      f_low=jnp.where(
        move_low, f_guess, jnp.where(moved == 1, f_low / 2, f_low)
      ),
      f_high=jnp.where(
        move_high, f_guess, jnp.where(moved == -1, f_high / 2, f_high)
      ),
      moved=jnp.where(move_low, -1, 1),
      width=jnp.where(is_third, new_high - new_low, width),
      iteration=iteration + 1,
    )

  start = _Bracket(
    low=first,
    high=last,
    f_low=f_first,
    f_high=f_last,
    moved=jnp.asarray(0),
    width=last - first,
    iteration=jnp.asarray(0),
  )
  bracket = jax.lax.while_loop(unfinished, shrink, start)
  root = (bracket.low + bracket.high) / 2
  root = jnp.where(f_first >= 0, first, root)
  return jnp.where(f_last <= 0, last, root)


def _log_mean_exp(logits: jax.Array) -> jax.Array:
  return jax.nn.logsumexp(logits) - jnp.log(logits.size)
