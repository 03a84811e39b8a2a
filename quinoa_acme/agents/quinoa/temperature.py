"""The temperature alpha: fixed, by a dual of two readings, or by a multiplier.

The appendix of the paper (section 6.1) makes alpha the Lagrange multiplier of
the constraint KL(pi || prior) < epsilon, and Algorithm 2 (line 4) finds it on
every batch by regula falsi on the derivative of the dual.
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
    epsilon: the bound on the relative entropy, in nats. A root needs epsilon <
      log(batch size).
    minimum: lower end of the bracket; taken where the dual only rises.
    maximum: upper end of the bracket; taken where the dual only falls.

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
  """The same constraint, held by a slowly moving multiplier.

  Each step moves log(alpha) by `rate * clip(KL / bound - 1, -1, 1)`, with KL
  estimated from fresh actions of the policy.

  Attributes:
    epsilon: the bound on the relative entropy, in nats for each dimension of
      the action, so that one value serves tasks of different sizes.
    initial: alpha at the start.
    rate: the largest move of log(alpha) in one step.
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
  """The same constraint, solved for at each step with Q held fixed.

  This is how the dual's derivative in section 6.1 of the paper is printed, in
  terms of Q. With Q = V + alpha D as it is, another alpha' would make the soft
  policy prior^(1 - eta) pi^eta, normalised, with eta = alpha / alpha'; alpha'
  is chosen such that the relative entropy of that policy to the prior, in the
  mean over states, is the bound. Where D is zero, at first and right after a
  copy of the prior, no alpha' is small enough: `max_step` bounds each move. See
  `held_q_kl` for the estimate, which needs several actions a state and so a
  `CriticFit`.

  Attributes:
    epsilon: the bound on the relative entropy, in nats for each dimension of
      the action.
    initial: alpha at the start.
    max_step: the largest move of log(alpha) in one step.
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
  """The bound on the relative entropy in nats, or None where there is none.

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
      # Replaced by the first batch's solution before it is used.
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
  """alpha for this learner step.

  Args:
    temperature: how alpha is chosen.
    alpha: the temperature of the step before, scalar.
    value: V(s) of the batch, [B].
    log_ratio: D of the batch's actions, [B].
    kl: the estimated relative entropy of the policy to its prior, scalar.
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
    epsilon: the bound on the relative entropy.

  Returns:
    A scalar, convex in alpha.
  """
  peak = jnp.max(value)
  logits = (value - peak) / alpha + log_ratio
  return peak + alpha * (epsilon + _log_mean_exp(logits))


def dual_derivative(
  alpha: jax.Array, value: jax.Array, log_ratio: jax.Array, epsilon: float
) -> jax.Array:
  """The derivative of `dual` in alpha, which rises with alpha.

    epsilon + log mean exp(z) - sum softmax(z) V / alpha,  z = V / alpha + D

  Args:
    alpha: the temperature, scalar.
    value: V(s), [B].
    log_ratio: D of the batch's actions, [B].
    epsilon: the bound on the relative entropy.

  Returns:
    A scalar.
  """
  # A constant added to V leaves the derivative as it is; the largest V at zero
  # keeps its terms small where alpha is.
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

  The derivative's zero is bracketed in log(alpha) and found by regula falsi.
  With all signs positive the dual only rises, and its minimum is `minimum`;
  with all signs negative it only falls, and its minimum is `maximum`. The first
  is so for epsilon >= log(B) and for a constant V with D = 0, where no
  temperature is too small for the constraint.

  Args:
    value: V(s), [B].
    log_ratio: D of the batch's actions, [B].
    epsilon: the bound on the relative entropy.
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

  The actions are of pi, and count as actions of q by the weights
  softmax((eta - 1) D) over those of their state. At eta = 1 this is the mean of
  D; its derivative in eta is eta Var_q[D], so that it rises, also as estimated.

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
  """The alpha' near alpha at which `held_q_kl` is the bound.

  Args:
    alpha: the temperature of the step before, scalar.
    log_ratio: D of K actions of the policy in each state, [K, B].
    bound: the bound on the relative entropy, in nats.
    max_step: the largest move of log(alpha).

  Returns:
    A scalar.
  """
  log_eta = find_root(
    lambda log_eta: held_q_kl(log_eta, log_ratio) - bound, -max_step, max_step
  )
  return alpha * jnp.exp(-log_eta)


class _Bracket(NamedTuple):
  """An interval that holds the zero, with the values at its ends."""

  low: jax.Array
  high: jax.Array
  f_low: jax.Array
  f_high: jax.Array
  # The end that moved last: -1 for low, 1 for high, 0 at the start.
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
  """The zero of a rising function in [low, high], or the end it lies beyond.

  Regula falsi in the Illinois variant (the value kept at an end that does not
  move is halved), with a bisection whenever three steps have not halved the
  bracket, so that at most three times as many steps as a bisection's are made.

  Args:
    function: from a scalar to a scalar, rising, traceable.
    low: the lower end.
    high: the upper end.
    tolerance: the width of the bracket at which to stop.

  Returns:
    A scalar: the zero; `low` where the function is positive from there on; and
    `high` where it is negative up to there.
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
