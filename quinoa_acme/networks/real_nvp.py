"""A conditional RealNVP over an action box.

Dinh, Sohl-Dickstein and Bengio, 'Density estimation using Real NVP', 2016
(arXiv 1605.08803), conditioned on the observation as section 3 of the Quinoa
paper has it: 'we concatenate s to the input of every neural network inside
the Real NVP'.
"""

from collections.abc import Sequence
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


@dataclasses.dataclass(frozen=True)
class RealNVPConfig:
  """The shape of a conditional RealNVP.

  Attributes:
    num_couplings: number of affine couplings. With alternating masks every
      dimension is moved by every second one.
    hidden_sizes: width of each hidden layer of a coupling's conditioner.
    max_shift: bound on the shift of one coupling, in logits.
    min_log_scale: lower bound on the log-scale of one coupling.
    max_log_scale: upper bound on the log-scale of one coupling.
  """

  num_couplings: int = 4
  hidden_sizes: tuple[int, ...] = (64, 64)
  max_shift: float = 3.0
  min_log_scale: float = -2.0
  max_log_scale: float = 0.4

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
    if not (0 < self.max_shift < np.inf):
      raise ValueError(
        f'max_shift must be positive and finite, but is {self.max_shift}.'
      )
    if not (-np.inf < self.min_log_scale < 0 < self.max_log_scale < np.inf):
      raise ValueError(
        'log-scales need finite bounds with min_log_scale < 0 < '
        f'max_log_scale, but got [{self.min_log_scale}, {self.max_log_scale}].'
      )


def alternating_masks(num_dimensions: int, num_couplings: int) -> np.ndarray:
  """The dimensions that each coupling leaves alone and conditions on.

  Couplings come in pairs with complementary masks. The first pair splits the
  dimensions by parity; with more than two dimensions every later pair first
  permutes them, so that other dimensions meet. The permutations are fixed: they
  are part of the architecture and not of the parameters. A single dimension has
  nothing to condition on but the observation, and is moved by every coupling.

  Args:
    num_dimensions: number A of dimensions.
    num_couplings: number K of couplings.

  Returns:
    A boolean array of shape [K, A], true where a dimension is left alone.
  """
  if num_dimensions == 1:
    return np.zeros((num_couplings, 1), dtype=bool)
  masks = []
  for i in range(num_couplings):
    order = np.arange(num_dimensions)
    if i >= 2 and num_dimensions > 2:
      order = np.random.RandomState(i // 2).permutation(num_dimensions)
    masks.append(order % 2 == i % 2)
  return np.stack(masks)


def bounded(raw: jax.Array, low: float, high: float) -> jax.Array:
  """Bounds `raw` to (low, high), smoothly, with value 0 and slope 1 at 0.

  Args:
    raw: array of any shape.
    low: the lower bound, negative.
    high: the upper bound, positive.

  Returns:
    An array of the same shape.
  """
  return jnp.where(
    raw > 0, high * jnp.tanh(raw / high), low * jnp.tanh(raw / low)
  )


class BoxFlow(distrax.Distribution):
  """A flow's density over the actions of a box.

  The base is the standard logistic in logits, and the squashing the sigmoid:
  see `box.py`. With `f` the couplings, `z0` the base's sample and `z = f(z0)`:

    log pi(a) = sum_i [l(z0_i) - l(z_i)] - log |det df/dz0| - log(volume)

  where `l` is the logistic log-density, which is also the sigmoid's
  log-derivative. For the identity, `z = z0`, the sum is exactly zero and the
  density exactly uniform, in floating point too.
  """

  def __init__(self, couplings: distrax.Bijector, box: box_lib.Box, batch: int):
    """Makes the distribution.

    Args:
      couplings: a bijector of logits with event dimension 1.
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
    logit = self._box.to_logit(value)
    base, log_det = self._couplings.inverse_and_log_det(logit)
    return self._log_prob(jnp.asarray(base), logit, -jnp.asarray(log_det))

  def mode(self) -> jax.Array:
    """The image of the base's mode, flat actions of shape [B, A].

    It is the median of each base dimension moved through the flow, not in
    general the mode of the density on the box.
    """
    origin = jnp.zeros(self.batch_shape + self.event_shape)
    return self._box.to_action(jnp.asarray(self._couplings.forward(origin)))

  def _log_prob(self, base, logit, forward_log_det):
    change = box_lib.logistic_log_prob(base) - box_lib.logistic_log_prob(logit)
    return jnp.sum(change, -1) - forward_log_det - self._box.log_volume

  def _sample_n(self, key: jax.Array, n: int) -> jax.Array:
    logit = self._couplings.forward(self._base(key, n))
    return self._box.to_action(jnp.asarray(logit))

  def _sample_n_and_log_prob(self, key: jax.Array, n: int):
    base = self._base(key, n)
    logit, log_det = map(jnp.asarray, self._couplings.forward_and_log_det(base))
    return self._box.to_action(logit), self._log_prob(base, logit, log_det)

  def _base(self, key: jax.Array, n: int) -> jax.Array:
    return jax.random.logistic(key, (n, *self.batch_shape, *self.event_shape))


class ConditionalRealNVP(hk.Module):
  """Maps a batch of observations to a `BoxFlow` over actions.

  Each affine coupling reads the observation concatenated with the dimensions
  that it leaves alone, and moves the others by a bounded shift and log-scale.
  The conditioners' outputs start at zero, so that every coupling starts as the
  identity and the policy as the uniform density.
  """

  def __init__(
    self, box: box_lib.Box, config: RealNVPConfig, name: str = 'real_nvp'
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

  def __call__(self, observation: Any) -> BoxFlow:
    """Conditions the flow.

    Args:
      observation: an array or nest of arrays with a leading batch dimension B.

    Returns:
      The distribution, to be used inside of the same Haiku transform.
    """
    features = mlp.flatten_observation(observation)
    dims = self._box.num_dimensions
    masks = alternating_masks(dims, self._config.num_couplings)
    couplings: Sequence[distrax.Bijector] = [
      self._make_coupling(mask, features, f'coupling_{i}')
      for i, mask in enumerate(masks)
    ]
    # A chain applies its last bijector first.
    chain = distrax.Chain(list(reversed(couplings)))
    return BoxFlow(chain, self._box, features.shape[0])

  def _make_coupling(
    self, mask: np.ndarray, features: jax.Array, name: str
  ) -> distrax.MaskedCoupling:
    config = self._config
    network = mlp.MLP(config.hidden_sizes, 2 * mask.size, name=name)

    def conditioner(masked_logit: chex.Array) -> jax.Array:
      # The logits are unbounded; the networks see them squashed to (-1, 1).
      masked = jnp.tanh(jnp.asarray(masked_logit) / 2.0)
      leading = masked.shape[:-1]
      context = jnp.broadcast_to(features, (*leading, features.shape[-1]))
      return network(jnp.concatenate([context, masked], axis=-1))

    def affine(raw: jax.Array) -> distrax.ScalarAffine:
      shift, log_scale = jnp.split(raw, 2, axis=-1)
      return distrax.ScalarAffine(
        shift=bounded(shift, -config.max_shift, config.max_shift),
        log_scale=bounded(
          log_scale, config.min_log_scale, config.max_log_scale
        ),
      )

    return distrax.MaskedCoupling(
      mask=jnp.asarray(mask), conditioner=conditioner, bijector=affine
    )
