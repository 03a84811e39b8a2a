"""The multi-layer perceptron behind values, conditioners and critics."""

from collections.abc import Sequence
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme.networks import linear
from quinoa_acme.utils import nests


class MLP(hk.Module):
  """Hidden layers with an activation, then a linear layer that starts at zero.

  Because the output layer starts at zero, the network is exactly zero at
  initialisation, as in section 4 of the paper.

  Examples:
    >>> network = hk.transform(lambda x: MLP((32, 32), 2)(x))
    >>> params = network.init(jax.random.PRNGKey(0), jnp.ones((1, 3)))
    >>> network.apply(params, None, jnp.ones((1, 3)))
    Array([[0., 0.]], dtype=float32)
  """

  def __init__(
    self,
    hidden_sizes: Sequence[int],
    output_size: int,
    layer: linear.Layer = linear.Linear,
    name: str | None = None,
  ):
    """Makes the network.

    Args:
      hidden_sizes: width of each hidden layer.
      output_size: width of the output.
      layer: the kind of linear layer to use throughout.
      name: the module's name.
    """
    super().__init__(name)
    self._hidden_sizes = tuple(hidden_sizes)
    self._output_size = output_size
    self._layer = layer

  def __call__(self, *inputs: jax.Array) -> jax.Array:
    """Applies the network to the concatenation of its inputs.

    Args:
      *inputs: float arrays of shapes [..., I_i]; see `linear.product`.

    Returns:
      An array of shape [..., output_size].
    """
    hidden = _hidden(inputs, self._hidden_sizes, self._layer)
    layer = self._layer(self._output_size, zero_init=True, name='output')
    return layer(*hidden)[0]


class Trunk(hk.Module):
  """Hidden layers with an activation; several heads share their features.

  Examples:
    >>> network = hk.transform(lambda x: Trunk((32, 16))(x))
    >>> params = network.init(jax.random.PRNGKey(0), jnp.ones((1, 3)))
    >>> network.apply(params, None, jnp.ones((1, 3))).shape
    (1, 16)
  """

  def __init__(
    self,
    hidden_sizes: Sequence[int],
    layer: linear.Layer = linear.Linear,
    name: str | None = None,
  ):
    """Makes the network.

    Args:
      hidden_sizes: width of each layer, at least one.
      layer: the kind of linear layer to use throughout.
      name: the module's name.
    """
    super().__init__(name)
    self._hidden_sizes = tuple(hidden_sizes)
    self._layer = layer

  def __call__(self, *inputs: jax.Array) -> jax.Array:
    """Applies the network to the concatenation of its inputs.

    Args:
      *inputs: float arrays of shapes [..., I_i]; see `linear.product`.

    Returns:
      The last layer's activations, [..., H].
    """
    [features] = _hidden(inputs, self._hidden_sizes, self._layer)
    return features[0]


def _hidden(
  inputs: Sequence[jax.Array], sizes: Sequence[int], layer: linear.Layer
) -> tuple[jax.Array, ...]:
  """Applies hidden layers; the result has an extra leading dimension of one.

  The dimension keeps the activations from being matrices, as the products are.
  Otherwise XLA, on a CPU, writes them over the products in a loop that LLVM
  does not vectorise (docs/decisions/0027-one-thread-of-xla.md).
  """
  hidden = tuple(part[None] for part in inputs)
  for i, size in enumerate(sizes):
    hidden = (jax.nn.relu(layer(size, name=f'hidden_{i}')(*hidden)),)
  return hidden


def flatten_observation(observation: Any, num_batch_dims: int = 1) -> jax.Array:
  """Concatenates the leaves of each observation into one float32 vector.

  Args:
    observation: an array or a nest of arrays with the same leading batch
      dimensions; integers, booleans and float64 are cast.
    num_batch_dims: number of leading batch dimensions.

  Returns:
    A float32 array of shape [batch..., F]; mappings are in the order of their
    keys.

  Raises:
    ValueError: if the observation has no numbers.
  """
  leaves = jax.tree_util.tree_leaves(nests.canonical(observation))
  flat = [
    jnp.reshape(leaf, (*leaf.shape[:num_batch_dims], -1)).astype(jnp.float32)
    for leaf in leaves
  ]
  if not sum(leaf.shape[-1] for leaf in flat):
    raise ValueError(
      'The observation has no numbers. Wrap the environment so that it gives '
      'at least one, such as a zero.'
    )
  return jnp.concatenate(flat, axis=-1)
