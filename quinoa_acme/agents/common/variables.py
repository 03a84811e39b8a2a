"""How parameters travel from the learner to the actors."""

from collections.abc import Callable, Hashable, Sequence
from concurrent import futures
import dataclasses
from typing import Any, cast, TYPE_CHECKING

import jax
from jax import flatten_util
import jax.numpy as jnp

from quinoa_acme.utils import core

if TYPE_CHECKING:
  from quinoa_acme.agents.common import actors

# The largest arrays to join, in elements. XLA multiplies by a slice of a vector
# more slowly than by an array: for a large one that costs more than it saves.
_MAX_JOINED = 4096


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class JoinedParams:
  """A tree of parameters whose small arrays are joined into one vector.

  A call of a compiled function processes each array among its arguments. For
  the two dozen of a small policy that takes longer than the policy itself.

  Attributes:
    vector: the elements of the small arrays, float32 [N].
    apart: the other arrays: large ones, and those whose dtype would be rounded
      to float32.
    layout: the information that `split` needs.
  """

  vector: jax.Array
  apart: list[jax.Array]
  layout: Hashable = dataclasses.field(metadata={'static': True})

  @classmethod
  def join(cls, params: Any) -> 'JoinedParams':
    """Joins a tree of arrays."""
    arrays, structure = jax.tree_util.tree_flatten(params)
    is_joined = tuple(
      array.dtype == jnp.float32 and array.size <= _MAX_JOINED
      for array in arrays
    )
    joined = [
      array for array, is_ in zip(arrays, is_joined, strict=True) if is_
    ]
    apart = [
      array for array, is_ in zip(arrays, is_joined, strict=True) if not is_
    ]
    vector, unravel = flatten_util.ravel_pytree(joined)
    return cls(vector, apart, (structure, is_joined, unravel))

  def split(self) -> Any:
    """Restores the tree."""
    structure, is_joined, unravel = cast(Any, self.layout)
    joined, apart = iter(unravel(self.vector)), iter(self.apart)
    arrays = [next(joined if is_ else apart) for is_ in is_joined]
    return jax.tree_util.tree_unflatten(structure, arrays)


class JoinedOnCPU(core.VariableSource):
  """Parameters from another source, joined, as JAX arrays on the CPU.

  Acme's client of variables can also move them, by `jax.device_put`. That
  processes each array in Python, which takes several times as long as one
  compiled call, and an actor fetches parameters every few steps.
  """

  def __init__(self, source: core.VariableSource):
    """Wraps a source.

    Args:
      source: the learner, or a proxy of it.
    """
    self._source = source
    cpu = jax.local_devices(backend='cpu')[0]
    self._join = jax.jit(
      lambda variables: [JoinedParams.join(params) for params in variables],
      out_shardings=jax.sharding.SingleDeviceSharding(cpu),
    )

  def get_variables(self, names: Sequence[str]) -> list[JoinedParams]:
    """Returns copies of the named parameters."""
    return self._join(jax.device_get(self._source.get_variables(names)))


class VariableClient:
  """An actor's parameters, fetched from a source every few calls.

  As Acme's `VariableClient` for one name and no device.
  """

  def __init__(
    self, source: core.VariableSource, name: str, update_period: int = 1
  ):
    """Makes the client; it fetches nothing yet.

    Args:
      source: the learner, or a proxy of it.
      name: its name for the parameters.
      update_period: calls of `update` between two requests.
    """
    self._source = source
    self._name = name
    self._update_period = update_period
    self._calls = 0
    self._executor = futures.ThreadPoolExecutor(max_workers=1)
    self._request: futures.Future[None] | None = None
    self._params: Any = None

  @property
  def params(self) -> Any:
    """The parameters; the first time, it waits for them."""
    if self._params is None:
      self.update_and_wait()
    return self._params

  def update(self, wait: bool = False) -> None:
    """Requests the parameters, if it is time for it.

    Args:
      wait: whether to wait for them; otherwise they are fetched in another
        thread, one request at a time.
    """
    self._calls = min(self._calls + 1, self._update_period)
    if self._calls < self._update_period:
      return
    if wait:
      self._request = None
      self._calls = 0
      self.update_and_wait()
    elif self._request is None or self._request.done():
      self._calls = 0
      self._request = self._executor.submit(self.update_and_wait)

  def update_and_wait(self) -> None:
    """Fetches the parameters, and waits for them."""
    [self._params] = self._source.get_variables([self._name])


def with_joined_params(actor: 'actors.ActorCore') -> 'actors.ActorCore':
  """Adapts an actor's functions to the parameters of a `JoinedOnCPU`.

  Args:
    actor: the functions, for parameters as the policy takes them.

  Returns:
    The same functions, for a `JoinedParams`.
  """
  select_action: Callable[..., Any] = actor.select_action
  return dataclasses.replace(
    actor,
    select_action=lambda params, observation, state: select_action(
      params.split(), observation, state
    ),
  )
