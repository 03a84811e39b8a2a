"""The common code of the conditional flows over an action box.

A flow is a base density, a chain of couplings, and a map onto the box. Each
coupling leaves half of the dimensions unchanged and moves the others by an
elementwise map. A network chooses the map from the unchanged dimensions and the
observation ('we concatenate s to the input of every neural network inside the
Real NVP', section 3 of the Quinoa paper).
"""

import abc
from collections.abc import Callable
import dataclasses
from typing import Any, cast, Generic, TypeVar

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import distribution
from quinoa_acme.networks import mlp
from quinoa_acme.networks import norms
from quinoa_acme.networks.flows import bijectors as bijectors_lib
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class CouplingsConfig:
  """The shape of a chain of couplings.

  Attributes:
    num_couplings: number of couplings. They come in pairs; each of a pair moves
      the dimensions that the other leaves unchanged.
    hidden_sizes: width of each hidden layer of a coupling's conditioner.
    norm: normalisation of these layers.

  Examples:
    >>> CouplingsConfig(hidden_sizes=(0,))
    Traceback (most recent call last):
    ValueError: hidden_sizes must be whole numbers of at least 1, but is (0,).
  """

  num_couplings: int = 4
  hidden_sizes: tuple[int, ...] = (64, 64)
  norm: norms.Norm = norms.NoNorm()

  def __post_init__(self):
    if self.num_couplings < 2:
      raise ValueError(
        'num_couplings must be at least 2, so that every dimension is moved, '
        f'but is {self.num_couplings}.'
      )
    validation.check_sizes(self, 'hidden_sizes')


def order_of_pair(num_dimensions: int, pair: int) -> np.ndarray:
  """The order of the dimensions in one pair of couplings.

  The first pair splits the dimensions by parity. With more than two dimensions
  each later pair first permutes them, so that other dimensions meet. The
  permutations are fixed: they belong to the architecture, not to the
  parameters.

  Args:
    num_dimensions: number A of dimensions.
    pair: the pair's number, from 0.

  Returns:
    The dimension at each position, [A]. The first coupling of the pair leaves
    the first (A + 1) // 2 unchanged, the second one the rest.
  """
  rank = np.arange(num_dimensions)
  if pair > 0 and num_dimensions > 2:
    rank = np.random.RandomState(pair).permutation(num_dimensions)
  return np.argsort(rank % 2, kind='stable')


# Makes an elementwise bijector of D dimensions from parameters,
# [..., D * num_parameters].
MakeBijector = Callable[[jax.Array], bijectors_lib.Bijector]


def make_couplings(
  num_dimensions: int,
  config: CouplingsConfig,
  *,
  features: jax.Array,
  prepare: Callable[[jax.Array], jax.Array],
  make_bijector: MakeBijector,
  num_parameters: int,
) -> bijectors_lib.Chain:
  """Makes the chain of couplings, inside a Haiku transform.

  If there is a single dimension, every coupling moves it, conditioned on the
  observation alone.

  Args:
    num_dimensions: number A of dimensions.
    config: the chain's shape.
    features: the observation, [B, F].
    prepare: maps the unchanged dimensions to the networks' input, elementwise.
    make_bijector: makes the map of the moved dimensions.
    num_parameters: number of parameters of that map per dimension.

  Returns:
    A bijector of [..., B, A].
  """
  num_first = 0 if num_dimensions == 1 else (num_dimensions + 1) // 2
  order = np.arange(num_dimensions)
  bijectors: list[bijectors_lib.Bijector] = []

  def reorder(wanted: np.ndarray) -> None:
    nonlocal order
    if np.any(wanted != order):
      bijectors.append(bijectors_lib.Permutation(np.argsort(order)[wanted]))
      order = wanted

  def make_choice(name: str, num_moved: int):
    network = mlp.MLP(
      config.hidden_sizes,
      num_moved * num_parameters,
      layer=norms.layer_of(config.norm),
      name=name,
    )
    return lambda kept: make_bijector(network(features, prepare(kept)))

  for i in range(config.num_couplings):
    reorder(order_of_pair(num_dimensions, i // 2))
    moves_first = i % 2 == 1 and num_dimensions > 1
    num_moved = num_first if moves_first else num_dimensions - num_first
    bijectors.append(
      bijectors_lib.SplitCoupling(
        num_first,
        make_choice(f'coupling_{i}', num_moved),
        moves_first=moves_first,
      )
    )
  reorder(np.arange(num_dimensions))
  return bijectors_lib.Chain(bijectors)


def from_unit(unit: jax.Array) -> jax.Array:
  """The networks' input for points of [0, 1], elementwise."""
  return 2.0 * unit - 1.0


def from_logit(logit: jax.Array) -> jax.Array:
  """The networks' input for logits, which are unbounded: in (-1, 1)."""
  return jnp.tanh(logit / 2.0)


def bounded(raw: jax.Array, low: float, high: float) -> jax.Array:
  """Bounds `raw` to (low, high), smoothly, with value 0 and slope 1 at 0.

  Args:
    raw: array of any shape.
    low: the lower bound, negative.
    high: the upper bound, positive.

  Returns:
    An array of the same shape.
  """
  bound = jnp.where(raw > 0, high, -low)
  return bound * jnp.tanh(raw / bound)


class Flow(distribution.Distribution):
  """A flow's density over the flat actions of a box.

  Subclasses choose the base density and the map onto the box.
  """

  def __init__(
    self, couplings: bijectors_lib.Chain, box: box_lib.Box, batch: int
  ):
    """Makes the distribution.

    Args:
      couplings: a bijector of [..., B, A].
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
    point = self._from_action(value)
    base, log_det = self._couplings.inverse_and_log_det(point)
    return self._log_prob(base, point, log_det)

  def base_of(self, value: jax.Array) -> jax.Array:
    """The base's points that the flow maps to flat actions, [..., B, A]."""
    return self._couplings.inverse_and_log_det(self._from_action(value))[0]

  def mode(self) -> jax.Array:
    """The image of the base's centre, flat actions of shape [B, A].

    It is the median of each base dimension, moved through the flow; in general
    it is not the mode of the density on the box.
    """
    centre = jnp.full(self.batch_shape + self.event_shape, self._centre)
    return self._to_action(self._couplings.forward_and_log_det(centre)[0])

  def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    """Draws actions, then treats them as constant; gives their log-density.

    Args:
      key: a random key.
      n: number of actions per density.

    Returns:
      The flat actions that `sample` draws, [n, B, A], through which no gradient
      flows, and their log-density, [n, B]. Its value is the sampler's, its
      gradient that of `log_prob` at these actions.
    """
    point, base, inverse_log_det = self._couplings.forward_as_given(
      self._sample_base(key, self._shape(n))
    )
    return self._to_action(point), self._log_prob(base, point, inverse_log_det)

  def _sample_n(self, key: jax.Array, n: int) -> jax.Array:
    base = self._sample_base(key, self._shape(n))
    return self._to_action(self._couplings.forward_and_log_det(base)[0])

  def _sample_n_and_log_prob(self, key: jax.Array, n: int):
    base = self._sample_base(key, self._shape(n))
    point, log_det = self._couplings.forward_and_log_det(base)
    return self._to_action(point), self._log_prob(base, point, -log_det)

  def _shape(self, n: int) -> tuple[int, ...]:
    return (n, *self.batch_shape, *self.event_shape)

  @property
  @abc.abstractmethod
  def _centre(self) -> float:
    """The median of one base dimension."""

  @abc.abstractmethod
  def _sample_base(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draws from the base density."""

  @abc.abstractmethod
  def _to_action(self, point: jax.Array) -> jax.Array:
    """Maps the couplings' image onto the box, [..., A]."""

  @abc.abstractmethod
  def _from_action(self, action: jax.Array) -> jax.Array:
    """Maps actions of the closed box to the couplings' image, [..., A]."""

  @abc.abstractmethod
  def _log_prob(
    self, base: jax.Array, point: jax.Array, inverse_log_det: jax.Array
  ) -> jax.Array:
    """The log-density of the action at `point`, the image of `base`."""


ConfigT = TypeVar('ConfigT')


class ConditionalModule(hk.Module, Generic[ConfigT]):
  """A Haiku module that maps a batch of observations to a `Flow`."""

  # The module's default name.
  NAME = 'flow'

  def __init__(
    self, box: box_lib.Box, config: ConfigT, name: str | None = None
  ):
    """Makes the module.

    Args:
      box: the actions' box.
      config: the flow's shape.
      name: the module's name.
    """
    super().__init__(name or self.NAME)
    self._box = box
    self._config = config

  @abc.abstractmethod
  def __call__(
    self, observation: Any, temperature: jax.Array | float = 1.0
  ) -> Flow:
    """Conditions the flow.

    Args:
      observation: an array or nest of arrays with a leading batch dimension B.
      temperature: alpha, scalar; used by a flow that models Q.

    Returns:
      The distribution, for use inside the same Haiku transform.
    """


CouplingsConfigT = TypeVar('CouplingsConfigT', bound=CouplingsConfig)


class ConditionalCouplings(ConditionalModule[CouplingsConfigT]):
  """A module whose flow is a chain of couplings; subclasses choose their maps.

  The networks' outputs start at zero. Each map is then the identity, and the
  policy uniform.
  """

  def __call__(
    self, observation: Any, temperature: jax.Array | float = 1.0
  ) -> Flow:
    """Conditions the flow; see `ConditionalModule`."""
    features = mlp.flatten_observation(observation)
    couplings = make_couplings(
      self._box.num_dimensions,
      self._config,
      features=features,
      prepare=self._prepare,
      make_bijector=lambda raw: self._make_bijector(raw, temperature),
      num_parameters=self._num_parameters,
    )
    chain = self._complete(couplings, features)
    return self._make_density(chain, features.shape[0])

  @property
  def _num_parameters(self) -> int:
    """The number of parameters of the map of one dimension."""
    return 1

  @abc.abstractmethod
  def _prepare(self, kept: jax.Array) -> jax.Array:
    """The networks' input, from the unchanged dimensions."""

  @abc.abstractmethod
  def _make_bijector(
    self, raw: jax.Array, temperature: jax.Array | float
  ) -> bijectors_lib.Bijector:
    """Makes the elementwise map of the moved dimensions."""

  def _complete(
    self, couplings: bijectors_lib.Chain, features: jax.Array
  ) -> bijectors_lib.Chain:
    """Adds further bijectors between base and box, given features [B, F]."""
    del features
    return couplings

  @abc.abstractmethod
  def _make_density(self, chain: bijectors_lib.Chain, batch: int) -> Flow:
    """Makes the density of a chain for a batch of this size."""


class ModuleConfig(abc.ABC):
  """A `flow_registry.FlowConfig` whose flow is a Haiku module."""

  @abc.abstractmethod
  def make_module(self, box: box_lib.Box) -> ConditionalModule:
    """Makes the module, inside a Haiku transform."""

  def make(self, box: box_lib.Box) -> flow_registry.ConditionalFlow:
    """Makes the flow over the points of a box, as pure functions."""
    return make_pure(lambda: self.make_module(box))


def make_pure(
  make_module: Callable[[], ConditionalModule], *, gives_value: bool = False
) -> flow_registry.ConditionalFlow:
  """Makes pure functions from a Haiku module.

  Args:
    make_module: makes the module, inside a Haiku transform.
    gives_value: whether its densities have a `soft_value`.

  Returns:
    The functions.
  """

  def functions():
    def condition(observation, temperature):
      return make_module()(observation, temperature)

    def value_of(density: Flow) -> jax.Array | None:
      return cast(Any, density).soft_value if gives_value else None

    def init(observation, point):
      return condition(observation, jnp.ones(())).log_prob(point)

    def sample_and_log_prob(observation, num_samples, temperature=1.0):
      return condition(observation, temperature).sample_and_log_prob(
        seed=hk.next_rng_key(), sample_shape=(num_samples,)
      )

    def log_prob(observation, point, temperature=1.0):
      return condition(observation, temperature).log_prob(point)

    def draw(observation, num_samples, temperature=1.0):
      density = condition(observation, temperature)
      return density.draw(hk.next_rng_key(), num_samples)

    def mode(observation, temperature=1.0):
      return condition(observation, temperature).mode()

    def soft_value(observation, temperature=1.0):
      return value_of(condition(observation, temperature))

    def evaluate(observation, point, num_samples, temperature=1.0):
      density = condition(observation, temperature)
      fresh = density.draw(hk.next_rng_key(), num_samples)
      return flow_registry.AtPoints(
        *fresh, density.log_prob(point), value_of(density)
      )

    return init, (
      sample_and_log_prob,
      log_prob,
      draw,
      mode,
      soft_value,
      evaluate,
    )

  transformed = hk.multi_transform(functions)
  sample_and_log_prob, log_prob, draw, mode, soft_value, evaluate = (
    transformed.apply
  )

  def without_key(function):
    return lambda params, *args, **kwargs: function(
      params, None, *args, **kwargs
    )

  return flow_registry.ConditionalFlow(
    init=transformed.init,
    sample_and_log_prob=sample_and_log_prob,
    log_prob=without_key(log_prob),
    draw=draw,
    mode=without_key(mode),
    soft_value=without_key(soft_value) if gives_value else None,
    evaluate=evaluate,
  )
