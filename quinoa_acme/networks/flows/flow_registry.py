"""Conditional flows as pure functions, and the registry of their kinds.

A flow is a density over the points of a box, given an observation. To write
one, give three pure functions, and a frozen dataclass whose `make` makes them
for a box:

  @flows.register
  @dataclasses.dataclass(frozen=True)
  class MyFlowConfig:
    hidden_sizes: tuple[int, ...] = (64, 64)

    def make(self, box):
      return networks.ConditionalFlow(init, sample_and_log_prob, log_prob)

After that, `QuinoaConfig(flow=MyFlowConfig())` works, and so do
`--flow='MyFlowConfig(hidden_sizes=(32,))'`, checkpoints and `load_policy`. The
flows of this package are registered in the same way.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple, Protocol, TypeVar

import jax

from quinoa_acme.networks import box as box_lib
from quinoa_acme.utils import options
from quinoa_acme.utils.common_types import Params


class AtPoints(NamedTuple):
  """What a flow gives for B observations at once.

  Attributes:
    fresh_point: K sampled points per observation, [K, B, A], treated as
      constant.
    fresh_log_prob: their log-density, [K, B].
    log_prob: the log-density of the given points, [N, B].
    soft_value: V, [B], or None if the flow does not compute it.
  """

  fresh_point: jax.Array
  fresh_log_prob: jax.Array
  log_prob: jax.Array
  soft_value: jax.Array | None


@dataclasses.dataclass(frozen=True)
class ConditionalFlow:
  """A density over a box, given an observation, as pure functions.

  Observations are a batch of B; points are flat, float32 [..., B, A], within
  the bounds of the box. The `temperature`, a scalar, defaults to 1. The soft
  policy is exp(Q / temperature), normalised: a flow that models Q uses the
  temperature, others ignore it.

  The first three functions are required. The others are optional: a flow gives
  them if it has a faster way.

  Examples:
    >>> import jax.numpy as jnp
    >>> def log_prob(params, observation, point, temperature=1.0):
    ...   return jnp.zeros(point.shape[:-1])
    >>> def sample(params, key, observation, num_samples, temperature=1.0):
    ...   point = jax.random.uniform(key, (num_samples, len(observation), 1))
    ...   return point, log_prob(params, observation, point)
    >>> uniform = ConditionalFlow(lambda *args: {}, sample, log_prob)
    >>> points, _ = uniform.sample_and_log_prob(
    ...   {}, jax.random.PRNGKey(0), jnp.zeros((8, 3)), 4
    ... )
    >>> points.shape
    (4, 8, 1)

  Attributes:
    init: `init(key, observation, point)` makes the parameters; layers with a
      data-dependent initialisation take it from this batch.
    sample_and_log_prob: `sample_and_log_prob(params, key, observation,
      num_samples, temperature)` to K points per observation, [K, B, A], and
      their log-density, [K, B].
    log_prob: `log_prob(params, observation, point, temperature)` to [..., B],
      finite, with finite gradients, on the closed box.
    draw: like `sample_and_log_prob`, but no gradient flows through the points;
      the log-density has the sampler's value and the gradient of `log_prob` at
      the points.
    mode: `mode(params, observation, temperature)` to one point of high density
      per observation, [B, A].
    soft_value: `soft_value(params, observation, temperature)` to V, [B], in
      units of reward, if the flow is the soft policy of a Q whose V it knows in
      closed form.
    evaluate: `evaluate(params, key, observation, point, num_samples,
      temperature)` to an `AtPoints`, in one pass of the network.
  """

  init: Callable[..., Params]
  sample_and_log_prob: Callable[..., tuple[jax.Array, jax.Array]]
  log_prob: Callable[..., jax.Array]
  draw: Callable[..., tuple[jax.Array, jax.Array]] | None = None
  mode: Callable[..., jax.Array] | None = None
  soft_value: Callable[..., jax.Array] | None = None
  evaluate: Callable[..., AtPoints] | None = None


class FlowConfig(Protocol):
  """The options of one kind of flow: a registered frozen dataclass."""

  def make(self, box: box_lib.Box) -> ConditionalFlow:
    """Makes the flow over the points of a box."""
    ...


KindT = TypeVar('KindT', bound=type[Any])

_kinds: dict[str, type] = {}


def register(kind: KindT) -> KindT:
  """Registers a kind of flow; use it as a decorator.

  A class that is defined again, in the same module with the same name, replaces
  the earlier one.

  Args:
    kind: the class of the flow's options, a `FlowConfig`.

  Returns:
    The class.

  Raises:
    TypeError: if the class is not a frozen dataclass, a field has no default or
      cannot be written as JSON, or it has no `make`.
    ValueError: if another class has the same name.
  """
  options.check_option_type(kind)
  if not callable(getattr(kind, 'make', None)):
    raise TypeError(
      f'{kind.__name__} needs a method make(box) that makes a ConditionalFlow.'
    )
  before = _kinds.get(kind.__name__)
  if before is not None and not options.is_defined_again(before, kind):
    raise ValueError(
      f'a flow {kind.__name__!r} exists already, from {before.__module__}: '
      f'give the one of {kind.__module__} another name.'
    )
  _kinds[kind.__name__] = kind
  return kind


def kinds() -> tuple[type, ...]:
  """The option classes of all registered flows."""
  return tuple(_kinds.values())


def is_registered(kind: type) -> bool:
  """Whether a class is the options of a registered flow."""
  return _kinds.get(kind.__name__) is kind


options.declare_open(FlowConfig, kinds, 'flows.register')
