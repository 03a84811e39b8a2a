"""A conditional flow that tilts the uniform density exponentially.

A Q-function that is close to linear in the action over the box makes the soft
policy, exp(Q / alpha) normalised, a truncated exponential in every dimension.
The couplings here have that shape: given the dimensions that it leaves alone,
a coupling gives each other one the density

    p(u) = kappa exp(kappa u) / (exp(kappa) - 1),    u in [0, 1],

whose distribution function maps it back to the uniform. Unlike an affine map of
logits it stays on the box: there is nothing to squash, to invert near infinity
or to clip, the density is finite on the closed box, corners included, and with
kappa = 0 it is exactly uniform. This is not in the Quinoa paper.
"""

import dataclasses
from typing import Any

import chex
import distrax
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import mlp
from quinoa_acme.networks import real_nvp

# Below these tilts, Taylor series take the place of expressions in which terms
# cancel; what they leave out is less than rounding.
_SMALL_FOR_NORMALISER = 0.1
_SMALL_FOR_DISTRIBUTION = 0.02


@dataclasses.dataclass(frozen=True)
class TiltedFlowConfig:
  """The shape of a conditional tilted flow.

  Attributes:
    num_couplings: number of couplings. With alternating masks every dimension
      is moved by every second one.
    hidden_sizes: width of each hidden layer of a coupling's conditioner.
    max_tilt: bound on |kappa| of one coupling: how much the log-density may
      change over the box in one dimension.
  """

  num_couplings: int = 4
  hidden_sizes: tuple[int, ...] = (64, 64)
  max_tilt: float = 50.0

  def __post_init__(self):
    if self.num_couplings < 2:
      raise ValueError(
        'num_couplings must be at least 2, so that every dimension is moved, '
        f'but is {self.num_couplings}.'
      )
    if not all(size >= 1 for size in self.hidden_sizes):
      raise ValueError(
        f'hidden_sizes must be positive, but is {self.hidden_sizes}.'
      )
    if not 0 < self.max_tilt < np.inf:
      raise ValueError(
        f'max_tilt must be positive and finite, but is {self.max_tilt!r}.'
      )


def log_normaliser(kappa: jax.Array) -> jax.Array:
  """log((exp(kappa) - 1) / kappa), elementwise, smooth at zero.

  Args:
    kappa: tilts, float array of any shape.

  Returns:
    An array of the same shape.
  """
  half = jnp.abs(kappa) / 2.0
  is_small = half < _SMALL_FOR_NORMALISER / 2.0
  # Both branches stay finite, so that their gradients do.
  large = jnp.where(is_small, 1.0, half)
  series = half**2 / 6.0 - half**4 / 180.0
  exact = large + jnp.log1p(-jnp.exp(-2.0 * large)) - jnp.log(2.0 * large)
  return kappa / 2.0 + jnp.where(is_small, series, exact)


def distribution(kappa: jax.Array, unit: jax.Array) -> jax.Array:
  """The distribution function, expm1(kappa u) / expm1(kappa), elementwise.

  Args:
    kappa: tilts, float array of any shape.
    unit: points of [0, 1], of the same shape.

  Returns:
    Points of [0, 1], of the same shape.
  """
  steepness, is_small = _steepness(kappa)
  small = jnp.where(is_small, kappa, 0.0)
  series = unit * (
    1.0
    + small / 2.0 * (unit - 1.0)
    + small**2 / 12.0 * (2.0 * unit - 1.0) * (unit - 1.0)
  )
  near = jnp.where(kappa > 0, unit, 1.0 - unit)
  share = jnp.exp(steepness * (near - 1.0)) * (
    jnp.expm1(-steepness * near) / jnp.expm1(-steepness)
  )
  share = jnp.where(kappa > 0, share, 1.0 - share)
  return jnp.clip(jnp.where(is_small, series, share), 0.0, 1.0)


def quantile(kappa: jax.Array, share: jax.Array) -> jax.Array:
  """The inverse of `distribution`, elementwise.

  Args:
    kappa: tilts, float array of any shape.
    share: points of [0, 1], of the same shape.

  Returns:
    Points of [0, 1], of the same shape.
  """
  steepness, is_small = _steepness(kappa)
  small = jnp.where(is_small, kappa, 0.0)
  series = share * (
    1.0
    + small / 2.0 * (1.0 - share)
    + small**2 / 6.0 * (1.0 - share) * (1.0 - 2.0 * share)
  )
  near = jnp.where(kappa > 0, share, 1.0 - share)
  inner = 1.0 + (1.0 - near) * jnp.expm1(-steepness)
  unit = 1.0 + jnp.log(jnp.maximum(inner, 1e-30)) / steepness
  unit = jnp.where(kappa > 0, unit, 1.0 - unit)
  return jnp.clip(jnp.where(is_small, series, unit), 0.0, 1.0)


def _steepness(kappa: jax.Array) -> tuple[jax.Array, jax.Array]:
  """|kappa|, one where it is too small to divide by, and where that is."""
  steepness = jnp.abs(kappa)
  is_small = steepness < _SMALL_FOR_DISTRIBUTION
  return jnp.where(is_small, 1.0, steepness), is_small


class Tilt(distrax.Bijector):
  """Maps the uniform density on [0, 1] to an exponential one, elementwise."""

  def __init__(self, kappa: jax.Array):
    """Makes the bijector.

    Args:
      kappa: tilts, float array.
    """
    super().__init__(event_ndims_in=0)
    self._kappa = kappa

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Maps points of the uniform density, with log |du / dx|."""
    unit = quantile(self._kappa, jnp.asarray(x))
    return unit, log_normaliser(self._kappa) - self._kappa * unit

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Maps points of the tilted density back, with its log-density."""
    unit = jnp.asarray(y)
    share = distribution(self._kappa, unit)
    return share, self._kappa * unit - log_normaliser(self._kappa)


class TiltedFlow(distrax.Distribution):
  """A flow's density over the actions of a box, from a uniform base.

    log pi(a) = -log |det df/dx| - log(volume)

  with `f` the couplings and `x` the base's point in the unit box.
  """

  def __init__(self, couplings: distrax.Bijector, box: box_lib.Box, batch: int):
    """Makes the distribution.

    Args:
      couplings: a bijector of the unit box with event dimension 1.
      box: the actions' box.
      batch: the batch size B of the couplings.
    """
    self._couplings = couplings
    self._box = box
    self._batch = batch

  @property
  def event_shape(self) -> tuple[int, ...]:
    """Shape of one (flat) action, (A,)."""
    return (self._box.num_dimensions,)

  @property
  def batch_shape(self) -> tuple[int, ...]:
    """Shape of the batch, (B,)."""
    return (self._batch,)

  def log_prob(self, value: jax.Array) -> jax.Array:
    """Log-density of flat actions, [..., B, A] to [..., B].

    Finite, with finite gradients, on the whole closed box.
    """
    unit = self._box.to_unit(value)
    _, log_det = self._couplings.inverse_and_log_det(unit)
    return jnp.asarray(log_det) - self._box.log_volume

  def mode(self) -> jax.Array:
    """The image of the base's centre, flat actions of shape [B, A]."""
    centre = jnp.full(self.batch_shape + self.event_shape, 0.5)
    return self._box.from_unit(jnp.asarray(self._couplings.forward(centre)))

  def _sample_n(self, key: jax.Array, n: int) -> jax.Array:
    unit = self._couplings.forward(self._base(key, n))
    return self._box.from_unit(jnp.asarray(unit))

  def _sample_n_and_log_prob(self, key: jax.Array, n: int):
    base = self._base(key, n)
    unit, log_det = map(jnp.asarray, self._couplings.forward_and_log_det(base))
    return self._box.from_unit(unit), -log_det - self._box.log_volume

  def _base(self, key: jax.Array, n: int) -> jax.Array:
    return jax.random.uniform(key, (n, *self.batch_shape, *self.event_shape))


class ConditionalTiltedFlow(hk.Module):
  """Maps a batch of observations to a `TiltedFlow` over actions.

  The couplings are arranged as in `ConditionalRealNVP`. The conditioners'
  outputs are in units of reward, as Q is, and over the temperature they are the
  tilts: when the temperature changes, so does the policy, and Q stays. They
  start at zero, and so the policy as the uniform density.
  """

  def __init__(
    self, box: box_lib.Box, config: TiltedFlowConfig, name: str = 'tilted_flow'
  ):
    """Makes the module.

    Args:
      box: the actions' box.
      config: the flow's shape.
      name: the module's name.
    """
    super().__init__(name)
    self._box = box
    self._config = config

  def __call__(self, observation: Any, temperature: jax.Array) -> TiltedFlow:
    """Conditions the flow.

    Args:
      observation: an array or nest of arrays with a leading batch dimension B.
      temperature: alpha, scalar.

    Returns:
      The distribution, to be used inside of the same Haiku transform.
    """
    features = mlp.flatten_observation(observation)
    masks = real_nvp.alternating_masks(
      self._box.num_dimensions, self._config.num_couplings
    )
    couplings = [
      self._make_coupling(mask, features, temperature, f'coupling_{i}')
      for i, mask in enumerate(masks)
    ]
    # A chain applies its last bijector first.
    chain = distrax.Chain(list(reversed(couplings)))
    return TiltedFlow(chain, self._box, features.shape[0])

  def _make_coupling(
    self,
    mask: np.ndarray,
    features: jax.Array,
    temperature: jax.Array,
    name: str,
  ) -> distrax.MaskedCoupling:
    config = self._config
    network = mlp.PlainMLP(config.hidden_sizes, mask.size, name=name)

    def conditioner(masked_unit: chex.Array) -> jax.Array:
      # Centred, and zero where a dimension is hidden.
      visible = jnp.broadcast_to(mask, masked_unit.shape)
      masked = jnp.where(visible, 2.0 * jnp.asarray(masked_unit) - 1.0, 0.0)
      leading = masked.shape[:-1]
      context = jnp.broadcast_to(features, (*leading, features.shape[-1]))
      raw = network(jnp.concatenate([context, masked], axis=-1))
      return real_nvp.bounded(
        raw / temperature, -config.max_tilt, config.max_tilt
      )

    return distrax.MaskedCoupling(
      mask=jnp.asarray(mask), conditioner=conditioner, bijector=Tilt
    )
