"""Maps between an action box and the space in which the flow works.

The flow works on logits: `action = low + (high - low) * sigmoid(logit)`. If a
logit has a standard logistic density, its action is exactly uniform, because
the sigmoid is the cdf of the logistic. (Equivalently: tanh of a logistic of
scale one half.)
"""

import dataclasses

from dm_env import specs
import jax
import jax.numpy as jnp
import numpy as np

# A replayed action may lie on a face of the box, or so close that float32
# cannot tell. Its logit is then taken this far inside, as a share of the box's
# width. The largest logit is 13.8, where float32 still resolves 0.06.
_MARGIN = 1e-6
# dm_control's bound for an actuator without one, mjMAXVAL.
_UNLIMITED = 1e10


@dataclasses.dataclass(frozen=True, eq=False)
class Box:
  """A finite box of actions, of any centre and width.

  Examples:
    >>> box = Box.from_spec(specs.BoundedArray((2,), np.float32, -1.0, 3.0))
    >>> box.to_symmetric(np.array([1.0, 3.0], np.float32)).tolist()
    [0.0, 1.0]
    >>> box.to_action(jnp.zeros(2)).tolist()
    [1.0, 1.0]

  Attributes:
    low: lower bounds, float32 of shape [A], never below the spec's.
    high: upper bounds, float32 of shape [A], never above the spec's.
    shape: the shape of one action in the environment. Its A elements are the
      flow's dimensions.
  """

  low: np.ndarray
  high: np.ndarray
  shape: tuple[int, ...]

  @classmethod
  def from_spec(cls, spec: specs.Array) -> 'Box':
    """Makes the box of an action spec.

    Args:
      spec: a bounded, floating-point array spec.

    Returns:
      The box.

    Raises:
      ValueError: if the spec is not a finite box of floats.
    """
    if not isinstance(spec, specs.BoundedArray) or isinstance(
      spec, specs.DiscreteArray
    ):
      raise ValueError(
        'The policy needs a bounded, continuous action spec (dm_env.specs.'
        f'BoundedArray of floats), but got {spec!r}. Wrap the environment so '
        'that each action has a finite minimum and maximum.'
      )
    if not np.issubdtype(spec.dtype, np.floating):
      raise ValueError(
        f'The policy needs floating-point actions, but the spec {spec!r} has '
        f'dtype {spec.dtype}. Wrap the environment so that it takes float32.'
      )
    with np.errstate(over='ignore', invalid='ignore'):
      low = _round(np.broadcast_to(spec.minimum, spec.shape), up=True)
      high = _round(np.broadcast_to(spec.maximum, spec.shape), up=False)
      width = high - low
    if low.size == 0:
      raise ValueError(f'The action spec {spec!r} has no dimension to act in.')
    wrong = ~(np.isfinite(low) & np.isfinite(high) & np.isfinite(width))
    wrong |= ~(width > 0)
    if wrong.any():
      first = int(np.argmax(wrong))
      raise ValueError(
        'The policy needs finite action bounds, minimum < maximum in float32, '
        f'but dimension {first} of {spec!r} has minimum {low[first]} and '
        f'maximum {high[first]}. Give the action finite bounds, e.g. with '
        'acme.wrappers.CanonicalSpecWrapper, and drop constant dimensions.'
      )
    unlimited = (low <= -_UNLIMITED) | (high >= _UNLIMITED)
    if unlimited.any():
      first = int(np.argmax(unlimited))
      raise ValueError(
        f'The policy needs finite action bounds, but dimension {first} of '
        f'{spec!r} has minimum {low[first]:g} and maximum {high[first]:g}; '
        'dm_control writes 1e+10 where there is no bound. Wrap the '
        'environment so that each action has real bounds.'
      )
    return cls(low, high, tuple(spec.shape))

  @property
  def num_dimensions(self) -> int:
    """The number A of action dimensions."""
    return self.low.size

  @property
  def log_volume(self) -> float:
    """Logarithm of the box's volume: minus the uniform log-density."""
    return float(np.sum(np.log(self.high - self.low, dtype=np.float32)))

  def flatten(self, action: jax.Array) -> jax.Array:
    """Reshapes actions of shape [..., *shape] to float32 of shape [..., A]."""
    leading = action.shape[: action.ndim - len(self.shape)]
    flat = jnp.reshape(action, (*leading, self.num_dimensions))
    return flat.astype(jnp.float32)

  def unflatten(self, action: jax.Array) -> jax.Array:
    """Reshapes flat actions of shape [..., A] to [..., *shape]."""
    return jnp.reshape(action, (*action.shape[:-1], *self.shape))

  def to_logit(self, action: jax.Array) -> jax.Array:
    """Maps flat actions in the closed box, [..., A], to finite logits."""
    return logit(self.to_unit(action))

  def to_action(self, logit: jax.Array) -> jax.Array:
    """Maps logits, [..., A], to flat actions, never outside the box."""
    return self.from_unit(jax.nn.sigmoid(logit))

  def from_unit(self, unit: jax.Array) -> jax.Array:
    """Maps points of [0, 1], [..., A], to actions, never outside the box."""
    low = jnp.broadcast_to(self.low, unit.shape)
    high = jnp.broadcast_to(self.high, unit.shape)
    return jnp.clip(low + (high - low) * unit, low, high)

  def share_at_bounds(self, action: jax.Array) -> jax.Array:
    """The share, in 0..1, of elements within 1 % of a bound; a scalar."""
    unit = self.to_unit(action)
    return jnp.mean((unit < 0.01) | (unit > 0.99))

  def to_symmetric(self, action: jax.Array) -> jax.Array:
    """Maps flat actions, [..., A], linearly to [-1, 1]."""
    return 2.0 * self.to_unit(action) - 1.0

  def to_unit(self, action: jax.Array) -> jax.Array:
    """Maps flat actions, [..., A], linearly to [0, 1]."""
    low = jnp.broadcast_to(self.low, action.shape)
    width = jnp.broadcast_to(self.high - self.low, action.shape)
    return (action - low) / width


def logit(unit: jax.Array) -> jax.Array:
  """Maps points of the closed [0, 1] to finite logits, elementwise."""
  unit = jnp.clip(unit, _MARGIN, 1.0 - _MARGIN)
  return jnp.log(unit) - jnp.log1p(-unit)


def _round(bounds: np.ndarray, up: bool) -> np.ndarray:
  """Bounds in float32, [A]; inexact ones are rounded towards the inside."""
  rounded = bounds.astype(np.float32)
  is_outside = rounded < bounds if up else rounded > bounds
  # Values beyond float32's range stay infinite, and are refused.
  is_outside &= np.isfinite(rounded)
  inside = np.nextafter(rounded, np.float32(np.inf if up else -np.inf))
  return np.where(is_outside, inside, rounded).ravel()


def logistic_log_prob(logit: jax.Array) -> jax.Array:
  """Log-density of the standard logistic, elementwise, stable everywhere.

  It is also the log-derivative of the sigmoid. One function thus serves both
  the base density and the squashing, and in a flow that is the identity the two
  cancel to the bit.

  Args:
    logit: float array of any shape.

  Returns:
    An array of the same shape.
  """
  magnitude = jnp.abs(logit)
  return -magnitude - 2.0 * jnp.log1p(jnp.exp(-magnitude))
