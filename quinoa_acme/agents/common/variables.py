"""How parameters travel from the learner to the actors."""

from collections.abc import Callable, Hashable, Sequence
import dataclasses
from typing import Any, cast

from acme import core
from acme.agents.jax import actor_core as actor_core_lib
import jax
from jax import flatten_util
import jax.numpy as jnp

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

  Acme's `VariableClient` can also move them, by `jax.device_put`. That
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


def with_joined_params(
  actor: actor_core_lib.ActorCore,
) -> actor_core_lib.ActorCore:
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
