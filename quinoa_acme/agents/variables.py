"""Parameters on their way from a learner to who acts with them."""

from collections.abc import Callable, Sequence
import math
from typing import Any

from acme import core
from acme.agents.jax import actor_core as actor_core_lib
import jax
import jax.numpy as jnp


@jax.tree_util.register_pytree_node_class
class JoinedParams:
  """A tree of parameters as one vector for each of its dtypes.

  A call of a compiled function looks at each array of its arguments, which for
  the two dozen of a small policy takes as long as the policy itself.
  """

  def __init__(self, vectors: dict[str, Any], layout: tuple[Any, ...]):
    """Holds what `join` made.

    Args:
      vectors: the numbers of all arrays of a dtype, [N], by the dtype's name.
      layout: the tree's structure, and the shape and dtype of each array.
    """
    self._vectors = vectors
    self._layout = layout

  @classmethod
  def join(cls, params: Any) -> 'JoinedParams':
    """Joins a tree of arrays."""
    arrays, structure = jax.tree_util.tree_flatten(params)
    arrays = [jnp.asarray(array) for array in arrays]
    pieces: dict[str, list[jax.Array]] = {}
    for array in arrays:
      pieces.setdefault(array.dtype.name, []).append(array.ravel())
    kinds = tuple((array.shape, array.dtype.name) for array in arrays)
    vectors = {name: jnp.concatenate(some) for name, some in pieces.items()}
    return cls(vectors, (structure, kinds))

  def split(self) -> Any:
    """The tree that was joined."""
    structure, kinds = self._layout
    begins = dict.fromkeys(self._vectors, 0)
    arrays = []
    for shape, name in kinds:
      begin, end = begins[name], begins[name] + math.prod(shape)
      arrays.append(self._vectors[name][begin:end].reshape(shape))
      begins[name] = end
    return jax.tree_util.tree_unflatten(structure, arrays)

  def tree_flatten(self) -> tuple[tuple[dict[str, Any]], tuple[Any, ...]]:
    """The vectors, and what is the same for all parameters of a policy."""
    return (self._vectors,), self._layout

  @classmethod
  def tree_unflatten(
    cls, layout: tuple[Any, ...], children: tuple[dict[str, Any]]
  ) -> 'JoinedParams':
    """Undoes `tree_flatten`."""
    return cls(*children, layout)


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
  return actor_core_lib.ActorCore(
    init=actor.init,
    select_action=lambda params, observation, state: select_action(
      params.split(), observation, state
    ),
    get_extras=actor.get_extras,
  )
