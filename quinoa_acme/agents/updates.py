"""Update steps: pure functions that learners run, and what all have in common.

An update step takes a state and a batch of transitions (leaves [B, ...]) to the
next state, scalar metrics, and a `Finiteness` that says of each quantity, in
the order in which they are computed, whether it was finite. Quantities are
named '01 observation', '02 action' and so on: JAX sorts them, so that the first
that is not finite is the cause of those after it.

On a CPU each of a hundred reductions and copies takes longer to start than to
run. So metrics travel as one array, and the quantities are looked at one by one
only where the loss or the gradient shows that one of them is not finite.
"""

from collections.abc import Callable
import dataclasses
import functools
from typing import Any, TypeVar

from acme import types
import jax
from jax import flatten_util
import jax.numpy as jnp
import numpy as np

Metrics = dict[str, jax.Array]
StateT = TypeVar('StateT')


@functools.partial(
  jax.tree_util.register_dataclass, data_fields=['flags'], meta_fields=['names']
)
@dataclasses.dataclass(frozen=True)
class Finiteness:
  """Of F arrays, whether all of their elements are finite.

  Attributes:
    flags: bool [F], or [N, F] of N steps.
    names: of each array its quantity, such as 'gradient', and where in that it
      is, such as '.policy'; empty if it is all of it.
  """

  flags: jax.Array
  names: tuple[tuple[str, str], ...]

  def all(self) -> jax.Array:
    """Whether all are finite, scalar."""
    return jnp.all(self.flags)

  def first(self) -> tuple[int, str, str] | None:
    """The first step with an array that is not finite, and that one's name.

    Returns:
      The step's index, the quantity, and where in it; None if all are finite.
    """
    flags = np.asarray(self.flags).reshape((-1, len(self.names)))
    if flags.all():
      return None
    step = int(np.argmin(flags.all(axis=1)))
    return step, *self.names[int(np.argmin(flags[step]))]


UpdateStep = Callable[
  [StateT, types.Transition], tuple[StateT, Metrics, Finiteness]
]


def make_scanned_update(
  update_step: UpdateStep[StateT], num_steps: int
) -> UpdateStep[StateT]:
  """Runs `update_step` over `num_steps` minibatches of one large batch.

  Args:
    update_step: one step on a batch with leaves [B, ...].
    num_steps: the number of minibatches N.

  Returns:
    A function from a state and a batch with leaves [N * B, ...] to the last
    state, the metrics' means, and the finiteness flags with a leading [N].
  """

  def scanned_update(state: StateT, batch: types.Transition):
    minibatches = jax.tree_util.tree_map(
      lambda x: jnp.reshape(x, (num_steps, -1, *x.shape[1:])), batch
    )
    names: list[str] = []

    def body(carry, minibatch):
      new_state, metrics, finite = update_step(carry, minibatch)
      names[:] = metrics
      return new_state, (jnp.stack([*metrics.values()]), finite)

    state, (metrics, finite) = jax.lax.scan(body, state, minibatches)
    means = dict(zip(names, jnp.mean(metrics, axis=0), strict=True))
    return state, means, finite

  return scanned_update


def check_finite(
  quantities: dict[str, Any], loss: jax.Array, gradient_norm: jax.Array
) -> Finiteness:
  """Says of each array of each quantity whether all its elements are finite.

  Args:
    quantities: trees of arrays, by names such as '01 observation'.
    loss: scalar. A quantity that is not finite shows in it or in its gradient,
      or has no effect; only then are the quantities looked at.
    gradient_norm: of the loss, scalar.

  Returns:
    Flags and names, in the order of the quantities' names.
  """
  paths, _ = jax.tree_util.tree_flatten_with_path(quantities)
  arrays = [jnp.asarray(array, jnp.float32) for _, array in paths]
  flags = jax.lax.cond(
    jnp.isfinite(loss + gradient_norm),
    lambda: jnp.full(len(arrays), True),
    lambda: jnp.stack([jnp.all(jnp.isfinite(array)) for array in arrays]),
  )
  names = tuple(
    (path[0].key.split(' ', 1)[1], jax.tree_util.keystr(path[1:]))
    for path, _ in paths
  )
  return Finiteness(flags, names)


def norm(tree: Any) -> jax.Array:
  """The Euclidean norm of all the elements of a tree of arrays, scalar."""
  vector, _ = flatten_util.ravel_pytree(tree)
  return jnp.sqrt(jnp.dot(vector, vector))


# The numbers put JAX's order of keys, the alphabet's, into that of computation;
# an update's own quantities go on from 06.
def parts_of(batch: types.Transition) -> dict[str, Any]:
  """What an update is given, by the names that `check_finite` is to tell."""
  return {
    '01 observation': batch.observation,
    '02 action': batch.action,
    '03 reward': batch.reward,
    '04 discount': batch.discount,
    '05 next observation': batch.next_observation,
  }
