"""Parameters on their way from a learner to who acts with them."""

from collections.abc import Callable, Hashable, Sequence
import dataclasses
from typing import Any, cast

from acme import core
from acme.agents.jax import actor_core as actor_core_lib
import jax
from jax import flatten_util
import jax.numpy as jnp

# Elements of the largest arrays that are joined. XLA multiplies by a part of a
# vector more slowly than by an array: a large one loses more than a call gains.
_MAX_JOINED = 4096


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class JoinedParams:
  """A tree of parameters, the small arrays of which are one vector.

  A call of a compiled function looks at each array of its arguments, which for
  the two dozen of a small policy takes longer than the policy itself.

  Attributes:
    vector: the elements of the small arrays, float32 [N].
    apart: the other arrays: the large ones, and those of other dtypes, which
      one vector would round.
    layout: what `split` needs to know.
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
    """The tree that was joined."""
    structure, is_joined, unravel = cast(Any, self.layout)
    joined, apart = iter(unravel(self.vector)), iter(self.apart)
    arrays = [next(joined if is_ else apart) for is_ in is_joined]
    return jax.tree_util.tree_unflatten(structure, arrays)


class JoinedOnCPU(core.VariableSource):
  """Another source's parameters, joined, as arrays of JAX on the CPU.

  Acme's `VariableClient` can move them too, by `jax.device_put`. That looks at
  each array in Python, which takes several times as long as one compiled call,
  and an actor fetches them every few steps.
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
    """Returns the named parameters, which are copies."""
    return self._join(jax.device_get(self._source.get_variables(names)))


def with_joined_params(
  actor: actor_core_lib.ActorCore,
) -> actor_core_lib.ActorCore:
  """An actor's functions that take what a `JoinedOnCPU` serves.

  Args:
    actor: the functions, of parameters as the policy takes them.

  Returns:
    The same functions, of a `JoinedParams`.
  """
  select_action: Callable[..., Any] = actor.select_action
  return dataclasses.replace(
    actor,
    select_action=lambda params, observation, state: select_action(
      params.split(), observation, state
    ),
  )
