"""Compares what a file computes with what JAX computes."""

from collections.abc import Callable, Mapping
from typing import Any

from dm_env import specs
import jax
import numpy as np

from quinoa_acme.export import functions
from quinoa_acme.export import graph as graph_lib
from quinoa_acme.utils import common_types as types

# Of one, and relative for what is greater.
TOLERANCE = 1e-5
# With a low temperature a density is so steep that float32's rounding moves an
# action by more. Then a file may differ by this many times as much as JAX does
# from itself when the last digits of inputs and parameters change, which does
# what rounding in each layer does.
_TIMES_OWN = 4.0
_NUM_MOVES = 8
_BATCHES = (1, 5, 256)


def largest_difference(
  function: functions.PolicyFunction,
  params: types.Params,
  run: Callable[[Mapping[str, np.ndarray]], np.ndarray],
) -> float:
  """Compares on random observations, actions and noise.

  Args:
    function: the function.
    params: the parameters.
    run: what the file computes from inputs by name.

  Returns:
    The largest difference, relative to what is above one.

  Raises:
    graph_lib.ConversionError: if it exceeds what rounding explains.
  """
  rng = np.random.default_rng(0)
  call = jax.jit(function.call)
  largest = 0.0
  for size in _BATCHES:
    arrays = [draw(rng, x, size) for x in function.inputs]
    expected = np.asarray(call(params, *arrays))
    scale = np.maximum(1.0, np.abs(expected))
    by_name = {
      x.name: array for x, array in zip(function.inputs, arrays, strict=True)
    }
    found = run(by_name)
    if found.shape != expected.shape or found.dtype != expected.dtype:
      raise graph_lib.ConversionError(
        f'its {function.name} gives {found.dtype} {found.shape} and not '
        f'{expected.dtype} {expected.shape}'
      )
    own = 0.0
    for _ in range(_NUM_MOVES):
      moved_params, moved = _move_last_digits(rng, (params, arrays))
      change = np.abs(np.asarray(call(moved_params, *moved)) - expected)
      own = max(own, float(np.max(change / scale)))
    difference = float(np.max(np.abs(found - expected) / scale))
    allowed = max(TOLERANCE, _TIMES_OWN * own)
    # Not a number is no difference, and so is refused.
    if not difference <= allowed:
      raise graph_lib.ConversionError(
        f'its {function.name} differs from JAX by {difference:.2g}, where '
        f'rounding explains {allowed:.2g}'
      )
    largest = max(largest, difference)
  return largest


def _move_last_digits(rng: np.random.Generator, arrays: Any) -> Any:
  """The nest with each float32 moved to a neighbour, or left, by chance."""

  def move(array: Any) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype != np.float32:
      return array
    steps = rng.integers(-1, 2, array.shape).astype(np.float32)
    return array * (1 + steps * np.finfo(np.float32).eps)

  return jax.tree_util.tree_map(move, arrays)


def draw(
  rng: np.random.Generator, given: functions.Input, size: int
) -> np.ndarray:
  """Draws an input for a batch of a size, within the bounds of its spec."""
  shape = (size, *given.shape)
  if given.draw == 'uniform':
    return rng.random(shape, np.float32)
  if given.draw == 'normal':
    return rng.standard_normal(shape, np.float32)
  if given.name == 'action':
    low, high = given.spec.minimum, given.spec.maximum
    return rng.uniform(low, high, shape).astype(given.dtype)
  if given.dtype.kind == 'f':
    array = rng.standard_normal(shape)
  else:
    array = rng.integers(0, 2 if given.dtype.kind == 'b' else 10, shape)
  return _bounded(array, given.spec).astype(given.dtype)


def _bounded(array: np.ndarray, spec: Any) -> np.ndarray:
  if isinstance(spec, specs.BoundedArray):
    return np.clip(array, spec.minimum, spec.maximum)
  return array
