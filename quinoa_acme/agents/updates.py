"""Update steps: pure functions that learners run, and what all have in common.

An update step takes a state and a batch of transitions (leaves [B, ...]) to the
next state, scalar metrics, and a tree of booleans that says of each quantity,
in the order in which they are computed, whether it was finite. The keys of that
tree are '01 observation', '02 action' and so on: JAX sorts them, so that the
first that is not finite is the cause of those after it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from acme import types
import jax
import jax.numpy as jnp

Metrics = dict[str, jax.Array]
StateT = TypeVar('StateT')
UpdateStep = Callable[[StateT, types.Transition], tuple[StateT, Metrics, Any]]


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

    def body(carry, minibatch):
      new_state, metrics, finite = update_step(carry, minibatch)
      return new_state, (metrics, finite)

    state, (metrics, finite) = jax.lax.scan(body, state, minibatches)
    return state, jax.tree_util.tree_map(jnp.mean, metrics), finite

  return scanned_update


def are_finite(tree: Any) -> Any:
  """Of each leaf, whether all of its elements are finite."""
  return jax.tree_util.tree_map(
    lambda x: jnp.all(jnp.isfinite(jnp.asarray(x, jnp.float32))), tree
  )


# The numbers put JAX's order of keys, the alphabet's, into that of computation;
# an update's own quantities go on from 06.
def parts_of(batch: types.Transition) -> dict[str, Any]:
  """What an update is given, by the names that `are_finite` is to tell."""
  return {
    '01 observation': batch.observation,
    '02 action': batch.action,
    '03 reward': batch.reward,
    '04 discount': batch.discount,
    '05 next observation': batch.next_observation,
  }
