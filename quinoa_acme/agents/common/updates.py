"""Update steps: the pure functions that learners run, and their common code.

An update step maps a state and a batch of transitions (leaves [B, ...]) to the
next state, scalar metrics, and a `Finiteness`. The latter says for each
quantity whether it was finite, in the order of computation: the first that is
not finite causes the others.

On a CPU each of a hundred reductions and copies takes longer to start than to
run. So metrics travel as one array, and the quantities are checked one by one
only if the loss or the gradient shows that one of them is not finite.
"""

from collections.abc import Callable
import dataclasses
import functools
from typing import Any, TypeVar

import jax
from jax import flatten_util
import jax.numpy as jnp
import numpy as np
import optax

from quinoa_acme.utils import common_types as types

# Length of the rows in which a norm sums up elements.
_ROW = 256

Metrics = dict[str, jax.Array]
StateT = TypeVar('StateT')


@functools.partial(
  jax.tree_util.register_dataclass, data_fields=['flags'], meta_fields=['names']
)
@dataclasses.dataclass(frozen=True)
class Finiteness:
  """For each of F arrays, whether all of its elements are finite.

  Attributes:
    flags: bool [F], or [N, F] for N steps.
    names: for each array, its quantity, such as 'gradient', and its place in
      that, such as '.policy' (empty if it is the whole quantity).
  """

  flags: jax.Array
  names: tuple[tuple[str, str], ...]

  def all(self) -> jax.Array:
    """Whether all are finite, scalar."""
    return jnp.all(self.flags)

  def first(self) -> tuple[int, str, str]:
    """Finds the first step, and in it the first array, that is not finite.

    There must be one.

    Returns:
      The step's index, the quantity, and the place in it.
    """
    flags = np.asarray(self.flags).reshape((-1, len(self.names)))
    step = int(np.argmin(flags.all(axis=1)))
    return step, *self.names[int(np.argmin(flags[step]))]


UpdateStep = Callable[
  [StateT, types.Transition], tuple[StateT, Metrics, Finiteness]
]


def check_finite(
  batch: types.Transition,
  quantities: dict[str, Any],
  loss: jax.Array,
  gradients: Any,
  params: Any,
) -> Finiteness:
  """Checks for each array of an update that all of its elements are finite.

  Anything not finite shows in the loss or its gradient, or has no effect. So
  the arrays are checked only if it shows there.

  Args:
    batch: the input of the update.
    quantities: intermediate results, in the order of computation: trees of
      arrays by name.
    loss: scalar.
    gradients: of the loss.
    params: those after the step.

  Returns:
    Flags and names, in the order in which the arrays are computed.
  """
  named = {
    'observation': batch.observation,
    'action': batch.action,
    'reward': batch.reward,
    'discount': batch.discount,
    'next observation': batch.next_observation,
    'extras': batch.extras,
    **quantities,
    'loss': loss,
    'gradient': gradients,
    'parameters': params,
  }
  names, arrays = [], []
  for name, tree in named.items():
    for path, array in jax.tree_util.tree_flatten_with_path(tree)[0]:
      names.append((name, jax.tree_util.keystr(path)))
      arrays.append(jnp.asarray(array, jnp.float32))
  flags = jax.lax.cond(
    jnp.isfinite(loss + norm(gradients)),
    lambda: jnp.full(len(arrays), True),
    lambda: jnp.stack([jnp.all(jnp.isfinite(array)) for array in arrays]),
  )
  return Finiteness(flags, tuple(names))


def clip_by_norm(max_norm: float) -> optax.GradientTransformation:
  """Clips gradients to a Euclidean norm; as in optax, but with `norm`.

  Args:
    max_norm: the largest norm of all elements together.

  Returns:
    The transformation, which has no state.
  """

  def clip(updates, params):
    del params
    factor = max_norm / jnp.maximum(norm(updates), max_norm)
    return jax.tree_util.tree_map(lambda x: factor * x, updates)

  return optax.stateless(clip)


def norm(tree: Any) -> jax.Array:
  """The Euclidean norm of all the elements of a tree of arrays, scalar."""
  vector, _ = flatten_util.ravel_pytree(tree)
  # On a CPU, a matrix-vector product takes a fifth of the time of XLA's sum, or
  # of its product of vectors.
  rows = jnp.reshape(vector[: vector.size // _ROW * _ROW], (-1, _ROW))
  rest = vector[rows.size :]
  whole = jnp.sum(jnp.square(rows) @ jnp.ones(_ROW, vector.dtype))
  return jnp.sqrt(whole + jnp.sum(jnp.square(rest)))
