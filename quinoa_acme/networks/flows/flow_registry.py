"""Conditional flows as pure functions, and the register of their kinds.

A flow is a density over the points of a box, given an observation. Whoever
writes one gives three pure functions, and a frozen dataclass whose `make` makes
them for a box:

  @flows.register
  @dataclasses.dataclass(frozen=True)
  class MyFlowConfig:
    hidden_sizes: tuple[int, ...] = (64, 64)

    def make(self, box):
      return networks.ConditionalFlow(init, sample_and_log_prob, log_prob)

From then on `QuinoaConfig(flow=MyFlowConfig())` works, and so do
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
  """What a flow says of B observations at once.

  Attributes:
    fresh_point: K points an observation, [K, B, A], taken as given.
    fresh_log_prob: their log-density, [K, B].
    log_prob: the log-density of points that were given, [N, B].
    soft_value: V, [B], or None if the flow does not give it.
  """

  fresh_point: jax.Array
  fresh_log_prob: jax.Array
  log_prob: jax.Array
  soft_value: jax.Array | None


@dataclasses.dataclass(frozen=True)
class ConditionalFlow:
  """A density over a box, given an observation, as pure functions.

  Observations are a batch of B, points are flat, float32 [..., B, A], in the
  bounds of the box. The `temperature`, a scalar, is 1 if not given: the soft
  policy is exp(Q / temperature), normalised, and a flow that models Q follows
  it. Others leave it be.

  The first three functions are what a flow is. An agent does without the
  others, but a flow that knows a shorter way may give it.

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
      num_samples, temperature)` to K points an observation, [K, B, A], and
      their log-density, [K, B].
    log_prob: `log_prob(params, observation, point, temperature)` to [..., B],
      finite, with finite gradients, on the closed box.
    draw: as `sample_and_log_prob`, with points through which no gradient flows;
      the log-density has the value that sampling gives and the gradient of
      `log_prob` at them.
    mode: `mode(params, observation, temperature)` to one point of high density
      an observation, [B, A].
    soft_value: `soft_value(params, observation, temperature)` to V, [B], in
      units of reward, where the flow knows in closed form the Q of which it is
      the soft policy.
    evaluate: `evaluate(params, key, observation, point, num_samples,
      temperature)` to an `AtPoints`, by one pass of the network.
  """

  init: Callable[..., Params]
  sample_and_log_prob: Callable[..., tuple[jax.Array, jax.Array]]
  log_prob: Callable[..., jax.Array]
  draw: Callable[..., tuple[jax.Array, jax.Array]] | None = None
  mode: Callable[..., jax.Array] | None = None
  soft_value: Callable[..., jax.Array] | None = None
  evaluate: Callable[..., AtPoints] | None = None


class FlowConfig(Protocol):
  """The options of a kind of flow: a frozen dataclass, registered."""

  def make(self, box: box_lib.Box) -> ConditionalFlow:
    """Makes the flow over the points of a box."""
    ...


KindT = TypeVar('KindT', bound=type[Any])

_kinds: dict[str, type] = {}


def register(kind: KindT) -> KindT:
  """Registers a kind of flow; serves as a decorator.

  A class that is defined again, in the same module by the same name, takes the
  place of the one before it.

  Args:
    kind: the class of the flow's options, a `FlowConfig`.

  Returns:
    The class.

  Raises:
    TypeError: if the class is no frozen dataclass whose fields all have
      defaults and can be written as JSON, or has no `make`.
    ValueError: if another class has its name.
  """
  options.check_option_type(kind)
  if not callable(getattr(kind, 'make', None)):
    raise TypeError(
      f'{kind.__name__} needs a method make(box) that gives a ConditionalFlow.'
    )
  before = _kinds.get(kind.__name__)
  if before is not None and not options.is_defined_again(before, kind):
    raise ValueError(
      f'there is a flow {kind.__name__!r}, of the module {before.__module__}: '
      f'give the one of {kind.__module__} another name.'
    )
  _kinds[kind.__name__] = kind
  return kind


def kinds() -> tuple[type, ...]:
  """The classes of the options of all flows that are registered."""
  return tuple(_kinds.values())


def is_registered(kind: type) -> bool:
  """Whether a class is of the options of a flow that is registered."""
  return _kinds.get(kind.__name__) is kind


options.declare_open(FlowConfig, kinds, 'flows.register')
