"""Diagonal Gaussians over an action box, squashed onto it or clipped to it.

The Gaussian lives in coordinates in which the box is [-1, 1]. An action is a
differentiable function of the parameters and of noise that is independent of
them,

    a = T(mu(s) + sigma(s) * eta),   eta ~ N(0, I)

so a gradient with respect to actions gives one with respect to parameters
(Kingma and Welling, 'Auto-Encoding Variational Bayes', 2013; Heess et al.,
'Learning Continuous Control Policies by Stochastic Value Gradients', 2015).
"""

import abc
import dataclasses
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import distribution
from quinoa_acme.networks import layer_norm
from quinoa_acme.networks import mlp
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class _GaussianConfig:
  """The options that both kinds of Gaussian share."""

  hidden_sizes: tuple[int, ...] = (128, 128)
  initial_scale: float = 0.7
  min_scale: float = 0.3
  max_scale: float = 1.0

  def __post_init__(self):
    validation.check_sizes(self, 'hidden_sizes')
    validation.check_positive(self, 'initial_scale', 'min_scale', 'max_scale')
    if not self.min_scale < self.initial_scale < self.max_scale:
      raise ValueError(
        'scales must be min_scale < initial_scale < max_scale, but are '
        f'{self.min_scale!r}, {self.initial_scale!r} and {self.max_scale!r}.'
      )
    validation.check_within(self, 1e-6, 1e6, 'min_scale', 'max_scale')


@dataclasses.dataclass(frozen=True)
class ClippedGaussianConfig(_GaussianConfig):
  """A Gaussian with its mean in the box, whose samples are clipped to it.

  As in dm-acme's SVG0 for TensorFlow, from which the least scale comes. Scales
  are in units of half the box's width.

  Attributes:
    hidden_sizes: width of each hidden layer.
    initial_scale: sigma at initialisation.
    min_scale: the smallest sigma, at least 1e-6. Exploration never falls below
      it.
    max_scale: the largest sigma. The Gaussian's entropy is unbounded, and far
      outside the box no gradient of Q opposes it.
  """


@dataclasses.dataclass(frozen=True)
class SquashedGaussianConfig(_GaussianConfig):
  """A Gaussian whose samples tanh maps onto the box, as in SAC.

  Scales apply before the squashing; at about 0.9 the density is closest to
  uniform.

  Attributes:
    hidden_sizes: width of each hidden layer.
    initial_scale: sigma at initialisation.
    min_scale: the smallest sigma.
    max_scale: the largest sigma.
  """

  initial_scale: float = 0.9
  min_scale: float = 0.01
  max_scale: float = 2.0


GaussianConfig = ClippedGaussianConfig | SquashedGaussianConfig


class BoxGaussian(distribution.Distribution):
  """A diagonal Gaussian whose samples are mapped onto the actions of a box.

  Subclasses choose the map T.
  """

  def __init__(self, mean: jax.Array, scale: jax.Array, box: box_lib.Box):
    """Makes the distribution.

    Args:
      mean: mu, float32 of shape [B, A].
      scale: sigma, positive, float32 of shape [B, A].
      box: the actions' box.
    """
    self._mean = mean
    self._scale = scale
    self._box = box

  @property
  def event_shape(self) -> tuple[int, ...]:
    """Shape of one (flat) action, (A,)."""
    return self._mean.shape[1:]

  @property
  def batch_shape(self) -> tuple[int, ...]:
    """Shape of the batch, (B,)."""
    return self._mean.shape[:1]

  def log_prob(self, value: jax.Array) -> jax.Array:
    """Log-density of flat actions, [..., B, A] to [..., B].

    Finite on the whole closed box.
    """
    point = self._from_action(value)
    mean, scale = self._moments(point.shape)
    return self._log_prob((point - mean) / scale, point)

  def mode(self) -> jax.Array:
    """The image of the Gaussian's mean, flat actions of shape [B, A].

    It is the median of each dimension. The density's mode on the box is
    elsewhere if tanh is far from linear.
    """
    return self._to_action(self._mean)

  def relative_entropy(self, other: 'BoxGaussian') -> jax.Array:
    """KL(self || other) of the two Gaussians, in closed form.

    An invertible map does not change a KL divergence, so this is also that of
    the squashed actions. For clipped actions it is an upper bound.

    Args:
      other: a distribution of the same kind and shape.

    Returns:
      An array of shape [B], in nats.
    """
    log_ratio = jnp.log(other._scale) - jnp.log(self._scale)
    difference = (self._mean - other._mean) / other._scale
    excess = jnp.square(difference) + jnp.expm1(-2.0 * log_ratio)
    return jnp.sum(log_ratio + 0.5 * excess, axis=-1)

  def _sample_n(self, key: jax.Array, n: int) -> jax.Array:
    return self._to_action(self._draw(key, n)[1])

  def _sample_n_and_log_prob(self, key: jax.Array, n: int):
    noise, point = self._draw(key, n)
    return self._to_action(point), self._log_prob(noise, point)

  def _draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    """The noise eta, and the points mu + sigma * eta, both [n, B, A]."""
    noise = jax.random.normal(key, (n, *self._mean.shape))
    mean, scale = self._moments(noise.shape)
    return noise, mean + scale * noise

  def _moments(self, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    return (
      jnp.broadcast_to(self._mean, shape),
      jnp.broadcast_to(self._scale, shape),
    )

  def _log_prob(self, noise: jax.Array, point: jax.Array) -> jax.Array:
    """The log-density of the action at `point`, which `noise` produced."""
    _, scale = self._moments(point.shape)
    gaussian = jax.scipy.stats.norm.logpdf(noise) - jnp.log(scale)
    return jnp.sum(gaussian - self._log_slope(point), axis=-1)

  @abc.abstractmethod
  def _to_action(self, point: jax.Array) -> jax.Array:
    """T: maps the Gaussian's samples, [..., A], to actions in the box."""

  @abc.abstractmethod
  def _from_action(self, action: jax.Array) -> jax.Array:
    """Maps actions in the closed box, [..., A], back to finite points."""

  @abc.abstractmethod
  def _log_slope(self, point: jax.Array) -> jax.Array:
    """The logarithm of the slope of T at a point, elementwise."""

  def _log_half_width(self, shape: tuple[int, ...]) -> jax.Array:
    half = (self._box.high - self._box.low) / 2
    return jnp.broadcast_to(np.log(half, dtype=np.float32), shape)


class SquashedGaussian(BoxGaussian):
  """T is tanh: no sample is outside the box, and the density is exact."""

  def _to_action(self, point: jax.Array) -> jax.Array:
    # tanh(x) is 2 sigmoid(2 x) - 1.
    return self._box.to_action(2.0 * point)

  def _from_action(self, action: jax.Array) -> jax.Array:
    return self._box.to_logit(action) / 2.0

  def _log_slope(self, point: jax.Array) -> jax.Array:
    # The slope of tanh: log 4 + log sigmoid'(2 x).
    slope = jnp.log(4.0) + box_lib.logistic_log_prob(2.0 * point)
    return slope + self._log_half_width(point.shape)


class ClippedGaussian(BoxGaussian):
  """T clips to the box; the density is that of the unclipped action."""

  def _to_action(self, point: jax.Array) -> jax.Array:
    return self._box.from_unit((point + 1.0) / 2.0)

  def _from_action(self, action: jax.Array) -> jax.Array:
    return self._box.to_symmetric(action)

  def _log_slope(self, point: jax.Array) -> jax.Array:
    return self._log_half_width(point.shape)


class ConditionalGaussian(hk.Module):
  """A Gaussian over a box, conditioned on the observation.

  Mean and scale come from one MLP with layer normalisation, as in dm-acme's
  SVG0. At initialisation the mean is the box's centre, in every state.

  Examples:
    >>> box = box_lib.Box(np.zeros(1), np.full(1, 4.0), shape=(1,))
    >>> def mode(state, config):
    ...   density = ConditionalGaussian(box, config)(state)
    ...   assert isinstance(density, BoxGaussian)
    ...   assert isinstance(density, (ClippedGaussian, SquashedGaussian))
    ...   return density.mode()
    >>> for config in (ClippedGaussianConfig(), SquashedGaussianConfig()):
    ...   policy = hk.transform(lambda state: mode(state, config))
    ...   params = policy.init(jax.random.PRNGKey(0), jnp.ones((1, 3)))
    ...   print(policy.apply(params, None, jnp.ones((1, 3))))
    [[2.]]
    [[2.]]
  """

  def __init__(
    self, box: box_lib.Box, config: GaussianConfig, name: str = 'gaussian'
  ):
    """Makes the network.

    Args:
      box: the actions' box.
      config: the kind of Gaussian and its shape.
      name: the module's name.
    """
    super().__init__(name)
    self._box = box
    self._config = config

  def __call__(self, observation: Any) -> BoxGaussian:
    """Conditions the Gaussian on a batch of observations.

    Args:
      observation: an array or nest of arrays with a leading batch dimension.

    Returns:
      A distribution of batch shape (B,) and event shape (A,).
    """
    config = self._config
    network = mlp.MLP(
      config.hidden_sizes,
      2 * self._box.num_dimensions,
      layer=layer_norm.LayerNormLinear,
      name='mlp',
    )
    outputs = network(mlp.flatten_observation(observation))
    raw_mean, raw_scale = jnp.split(outputs, 2, axis=-1)
    spread = config.max_scale - config.min_scale
    share = (config.initial_scale - config.min_scale) / spread
    shift = np.log(share) - np.log1p(-share)
    scale = config.min_scale + spread * jax.nn.sigmoid(raw_scale + shift)
    match config:
      case ClippedGaussianConfig():
        return ClippedGaussian(jnp.tanh(raw_mean), scale, self._box)
      case SquashedGaussianConfig():
        return SquashedGaussian(raw_mean, scale, self._box)
