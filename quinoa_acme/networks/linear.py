"""Linear layers for the networks, without normalisation."""

from collections.abc import Callable, Sequence
import math
from typing import Protocol

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

# Uniform within 1 / sqrt(inputs).
_UNIFORM = hk.initializers.VarianceScaling(1 / 3, 'fan_in', 'uniform')


class Layer(Protocol):
  """A kind of linear layer: `Linear` and its normalised relatives.

  Examples:
    >>> kind: Layer = Linear
  """

  def __call__(
    self, output_size: int, *, zero_init: bool = False, name: str | None = None
  ) -> Callable[..., jax.Array]:
    """Makes a layer; with `zero_init`, an output layer that starts at zero."""
    ...


def product(inputs: Sequence[jax.Array], weight: jax.Array) -> jax.Array:
  """Multiplies concatenated inputs by a weight, without concatenating them.

  An input may lack leading dimensions that others have. It is then multiplied
  once for all their rows, for example one observation for several actions.

  Args:
    inputs: float arrays of shapes [..., I_i].
    weight: float array of shape [sum of I_i, O].

  Returns:
    An array of shape [..., O], with the leading dimensions broadcast.
  """
  ends = np.cumsum([part.shape[-1] for part in inputs])
  rows = jnp.split(weight, ends[:-1])
  products = [
    _matmul(part, some) for part, some in zip(inputs, rows, strict=True)
  ]
  shape = jnp.broadcast_shapes(*(part.shape for part in products))
  total, *others = (jnp.broadcast_to(part, shape) for part in products)
  for other in others:
    total += other
  return total


def _matmul(inputs: jax.Array, weight: jax.Array) -> jax.Array:
  # As matrices: on a CPU, XLA is slow to contract over several dimensions, as
  # the gradient of the weight would.
  flat = jnp.reshape(inputs, (math.prod(inputs.shape[:-1]), inputs.shape[-1]))
  is_narrow = weight.shape[1] < weight.shape[0]
  output = _narrow_matmul(flat, weight) if is_narrow else flat @ weight
  return jnp.reshape(output, (*inputs.shape[:-1], weight.shape[-1]))


@jax.custom_vjp
def _narrow_matmul(inputs: jax.Array, weight: jax.Array) -> jax.Array:
  """inputs @ weight, [N, I] times [I, O], with O less than I.

  Its gradients are the usual ones, in a form that XLA computes fast on a CPU.
  There XLA takes three times as long for rows of O numbers as for rows of I,
  and five times as long to contract over two or three as over four.
  """
  return inputs @ weight


def _narrow_forward(inputs, weight):
  return inputs @ weight, (inputs, weight)


def _narrow_backward(kept, gradient):
  inputs, weight = kept
  size = weight.shape[1]
  if size == 1:
    of_weight = jnp.sum(gradient * inputs, axis=0)[:, None]
  else:
    # Without the barrier XLA would merge them into one product, in rows of O.
    of_weight = jax.lax.optimization_barrier(gradient.T @ inputs).T
  if size > 3:
    return gradient @ weight.T, of_weight
  columns = [gradient[:, i : i + 1] * weight[:, i][None] for i in range(size)]
  return sum(columns[1:], columns[0]), of_weight


_narrow_matmul.defvjp(_narrow_forward, _narrow_backward)


class SizedLayer(hk.Module):
  """The constructor that all kinds of linear layers share."""

  def __init__(
    self, output_size: int, *, zero_init: bool = False, name: str | None = None
  ):
    """Makes the layer.

    Args:
      output_size: number of units.
      zero_init: whether the layer starts out exactly zero, whatever the data.
        For output layers.
      name: the module's name.
    """
    super().__init__(name)
    self._output_size = output_size
    self._zero_init = zero_init


class Linear(SizedLayer):
  """A linear layer of one or more inputs.

  Examples:
    >>> layer = hk.transform(lambda *inputs: Linear(2)(*inputs))
    >>> state, actions = jnp.ones((8, 3)), jnp.ones((4, 8, 1))
    >>> params = layer.init(jax.random.PRNGKey(0), state, actions)
    >>> layer.apply(params, None, state, actions).shape
    (4, 8, 2)
  """

  def __call__(self, *inputs: jax.Array) -> jax.Array:
    """Applies the layer to the concatenation of its inputs; see `product`.

    Args:
      *inputs: float arrays of shapes [..., I_i].

    Returns:
      An array of shape [..., output_size].
    """
    shape = (sum(part.shape[-1] for part in inputs), self._output_size)
    dtype = inputs[0].dtype
    init = jnp.zeros if self._zero_init else _UNIFORM
    weight = hk.get_parameter('w', shape, dtype, init)
    bias = hk.get_parameter('b', shape[1:], dtype, jnp.zeros)
    output = product(inputs, weight)
    return output + jnp.broadcast_to(bias, output.shape)
