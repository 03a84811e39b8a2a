"""A conditional flow that tilts the uniform density exponentially.

If Q is close to linear in the action over the box, the soft policy, exp(Q /
alpha) normalised, is a truncated exponential in each dimension. The couplings
here have that shape. Given the unchanged dimensions, a coupling gives each of
the others the density

    p(u) = kappa exp(kappa u) / (exp(kappa) - 1),    u in [0, 1],

whose cdf maps it back to the uniform. Unlike an affine map of logits it stays
on the box: there is nothing to squash, to invert near infinity or to clip. The
density is finite on the closed box, corners included, and with kappa = 0 it is
exactly uniform. This is not in the Quinoa paper.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks.flows import bijectors
from quinoa_acme.networks.flows import flow
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.utils import validation

# Below this tilt a density is uniform to float32's precision.
_ZERO = 1e-12
# Below it, Taylor series replace derivatives in which terms cancel; their error
# is below rounding.
_SMALL = 0.03


@flow_registry.register
@dataclasses.dataclass(frozen=True)
class TiltedFlowConfig(flow.CouplingsConfig, flow.ModuleConfig):
  """The shape of a conditional tilted flow.

  Attributes:
    num_couplings: see `flow.CouplingsConfig`.
    hidden_sizes: see `flow.CouplingsConfig`.
    norm: see `flow.CouplingsConfig`.
    max_tilt: bound on |kappa| of one coupling, the change of the log-density
      across the box in one dimension; up to a million, where every point is
      within float32's last digit of an end.
  """

  max_tilt: float = 50.0

  def __post_init__(self):
    super().__post_init__()
    validation.check_positive(self, 'max_tilt')
    validation.check_within(self, 1e-6, 1e6, 'max_tilt')

  def make_module(self, box: box_lib.Box) -> 'ConditionalTiltedFlow':
    """Makes the module, inside a Haiku transform."""
    return ConditionalTiltedFlow(box, self)


def _steepness(kappa: jax.Array) -> tuple[jax.Array, jax.Array]:
  """|kappa| with one in the place of zeros, and a mask of those zeros."""
  steepness = jnp.abs(kappa)
  is_zero = steepness < _ZERO
  return jnp.where(is_zero, 1.0, steepness), is_zero


@jax.custom_jvp
def log_normaliser(kappa: jax.Array) -> jax.Array:
  """log((exp(kappa) - 1) / kappa), elementwise.

  Args:
    kappa: tilts, float array of any shape.

  Returns:
    An array of the same shape.
  """
  steepness, is_zero = _steepness(kappa)
  decay = jnp.log(-jnp.expm1(-steepness) / steepness)
  return jnp.where(is_zero, 0.0, decay + jnp.maximum(kappa, 0.0))


@log_normaliser.defjvp
def _log_normaliser_jvp(
  primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
  """The slope is the density's mean, 1 / (1 - exp(-kappa)) - 1 / kappa."""
  (kappa,), (tangent,) = primals, tangents
  is_small = jnp.abs(kappa) < _SMALL
  large = jnp.where(is_small, 1.0, kappa)
  mean = -1.0 / jnp.expm1(-large) - 1.0 / large
  mean = jnp.where(is_small, 0.5 + kappa / 12.0, mean)
  return log_normaliser(kappa), mean * tangent


@jax.custom_jvp
def distribution(kappa: jax.Array, unit: jax.Array) -> jax.Array:
  """The cdf, expm1(kappa u) / expm1(kappa), elementwise.

  Args:
    kappa: tilts, float array of any shape.
    unit: points of [0, 1], of the same shape.

  Returns:
    Points of [0, 1], of the same shape.
  """
  steepness, is_zero = _steepness(kappa)
  # From the face with the high density, so that no exponent is positive.
  distance = jnp.where(kappa > 0, 1.0 - unit, unit)
  within = jnp.expm1(-steepness * distance) / jnp.expm1(-steepness)
  share = jnp.where(kappa > 0, 1.0 - within, within)
  return jnp.where(is_zero, unit, share)


@distribution.defjvp
def _distribution_jvp(
  primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
  (kappa, unit), (kappa_tangent, unit_tangent) = primals, tangents
  share = distribution(kappa, unit)
  by_kappa, by_unit = _slopes(kappa, unit, share)
  return share, by_kappa * kappa_tangent + by_unit * unit_tangent


@jax.custom_jvp
def quantile(kappa: jax.Array, share: jax.Array) -> jax.Array:
  """The icdf, the inverse of `distribution`, elementwise.

  Args:
    kappa: tilts, float array of any shape.
    share: points of [0, 1], of the same shape.

  Returns:
    Points of [0, 1], of the same shape.
  """
  steepness, is_zero = _steepness(kappa)
  within = jnp.where(kappa > 0, 1.0 - share, share)
  distance = -jnp.log1p(within * jnp.expm1(-steepness)) / steepness
  distance = jnp.minimum(distance, 1.0)
  unit = jnp.where(kappa > 0, 1.0 - distance, distance)
  return jnp.where(is_zero, share, unit)


@quantile.defjvp
def _quantile_jvp(
  primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
  (kappa, share), (kappa_tangent, share_tangent) = primals, tangents
  unit = quantile(kappa, share)
  by_kappa, by_unit = _slopes(kappa, unit, share)
  # Keep it above zero where there is almost no density.
  by_unit = jnp.maximum(by_unit, 1e-12)
  return unit, (share_tangent - by_kappa * kappa_tangent) / by_unit


def _slopes(
  kappa: jax.Array, unit: jax.Array, share: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Slopes of `distribution`: by kappa, and by the point (the density)."""
  density = jnp.exp(kappa * unit - log_normaliser(kappa))
  is_small = jnp.abs(kappa) < _SMALL
  large = jnp.where(is_small, 1.0, kappa)
  exact = unit * density / large + share / jnp.expm1(-large)
  series = unit * (unit - 1.0) * (0.5 + kappa / 6.0 * (2.0 * unit - 1.0))
  return jnp.where(is_small, series, exact), density


class Tilt:
  """Maps the uniform density on [0, 1] to an exponential one, elementwise."""

  def __init__(self, kappa: jax.Array):
    """Makes the bijector.

    Args:
      kappa: tilts, float array; its shape is that of the input, or of the
        input's last dimensions.
    """
    self._kappa = kappa

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Maps points of the uniform density, with log |du / dx|."""
    share = jnp.asarray(x)
    kappa = jnp.broadcast_to(self._kappa, share.shape)
    unit = quantile(kappa, share)
    return unit, log_normaliser(kappa) - kappa * unit

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Maps points of the tilted density back, with its log-density."""
    unit = jnp.asarray(y)
    kappa = jnp.broadcast_to(self._kappa, unit.shape)
    return distribution(kappa, unit), kappa * unit - log_normaliser(kappa)


class TiltedFlow(flow.Flow):
  """A flow's density over the actions of a box, from a uniform base.

    log pi(a) = -log |det df/dx| - log(volume)

  with `f` the couplings and `x` the base's point in the unit box.
  """

  @property
  def _centre(self) -> float:
    return 0.5

  def _sample_base(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.uniform(key, shape)

  def _to_action(self, point: jax.Array) -> jax.Array:
    return self._box.from_unit(point)

  def _from_action(self, action: jax.Array) -> jax.Array:
    return jnp.clip(self._box.to_unit(action), 0.0, 1.0)

  def _log_prob(
    self, base: jax.Array, point: jax.Array, inverse_log_det: jax.Array
  ) -> jax.Array:
    del base, point
    return inverse_log_det - self._box.log_volume


class ConditionalTiltedFlow(flow.ConditionalCouplings[TiltedFlowConfig]):
  """Maps a batch of observations to a `TiltedFlow` over actions.

  The conditioners' outputs are in units of reward, like Q. Divided by the
  temperature they are the tilts, so a change of temperature changes the policy
  but not Q. They start at zero, so the policy starts uniform.

  Examples:
    >>> import haiku as hk
    >>> import numpy as np
    >>> box = box_lib.Box(np.zeros(2), np.full(2, 4.0), shape=(2,))
    >>> small = TiltedFlowConfig(num_couplings=2, hidden_sizes=(8,))
    >>> def sample(state):
    ...   density = ConditionalTiltedFlow(box, small)(state, 0.1)
    ...   assert isinstance(density, TiltedFlow)
    ...   assert isinstance(density, flow.Flow)
    ...   return density.sample(seed=hk.next_rng_key(), sample_shape=(5,))
    >>> policy = hk.transform(sample)
    >>> params = policy.init(jax.random.PRNGKey(0), jnp.ones((1, 3)))
    >>> policy.apply(params, jax.random.PRNGKey(1), jnp.ones((1, 3))).shape
    (5, 1, 2)
  """

  NAME = 'tilted_flow'

  def _prepare(self, kept: jax.Array) -> jax.Array:
    return flow.from_unit(kept)

  def _make_bijector(
    self, raw: jax.Array, temperature: jax.Array | float
  ) -> Tilt:
    max_tilt = self._config.max_tilt
    return Tilt(flow.bounded(raw / temperature, -max_tilt, max_tilt))

  def _make_density(self, chain: bijectors.Chain, batch: int) -> TiltedFlow:
    return TiltedFlow(chain, self._box, batch)
