"""The multi-layer perceptrons that values, conditioners and critics are."""

from collections.abc import Sequence

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme.networks import weight_norm as weight_norm_lib

# Uniform within 1 / sqrt(inputs), for layers that nothing normalises.
uniform_init = hk.initializers.VarianceScaling(1 / 3, 'fan_in', 'uniform')


class MLP(hk.Module):
  """Hidden layers with an activation, then a linear layer that starts at zero.

  Every layer is weight-normalised, as in section 4 of the paper. Because the
  output layer starts at zero, the network is exactly zero at initialisation.
  """

  def __init__(
    self,
    hidden_sizes: Sequence[int],
    output_size: int,
    name: str | None = None,
  ):
    """Makes the network.

    Args:
      hidden_sizes: width of each hidden layer.
      output_size: width of the output.
      name: the module's name.
    """
    super().__init__(name)
    self._hidden_sizes = tuple(hidden_sizes)
    self._output_size = output_size

  def __call__(self, inputs: jax.Array) -> jax.Array:
    """Applies the network.

    Args:
      inputs: float array of shape [..., I].

    Returns:
      An array of shape [..., output_size].
    """
    hidden = inputs
    for i, size in enumerate(self._hidden_sizes):
      layer = weight_norm_lib.WeightNormLinear(size, name=f'hidden_{i}')
      hidden = jax.nn.relu(layer(hidden))
    return weight_norm_lib.WeightNormLinear(
      self._output_size, zero_init=True, name='output'
    )(hidden)


class PlainMLP(hk.Module):
  """The same without weight normalisation.

  With it every output grows through a single gain, and so by one step of the
  optimiser at a time; without it through all of its weights at once.
  """

  def __init__(
    self,
    hidden_sizes: Sequence[int],
    output_size: int,
    name: str | None = None,
  ):
    """Makes the network.

    Args:
      hidden_sizes: width of each hidden layer.
      output_size: width of the output.
      name: the module's name.
    """
    super().__init__(name)
    self._hidden_sizes = tuple(hidden_sizes)
    self._output_size = output_size

  def __call__(self, inputs: jax.Array) -> jax.Array:
    """Applies the network.

    Args:
      inputs: float array of shape [..., I].

    Returns:
      An array of shape [..., output_size].
    """
    hidden = inputs
    for i, size in enumerate(self._hidden_sizes):
      layer = hk.Linear(size, w_init=uniform_init, name=f'hidden_{i}')
      hidden = jax.nn.relu(layer(hidden))
    return hk.Linear(self._output_size, w_init=jnp.zeros, name='output')(hidden)


def flatten_observation(observation, num_batch_dims: int = 1) -> jax.Array:
  """Joins the leaves of an observation into one float32 vector each.

  Args:
    observation: an array or a nest of arrays with the same leading batch
      dimensions; integers, booleans and float64 are cast.
    num_batch_dims: how many leading dimensions are the batch's.

  Returns:
    A float32 array of shape [batch..., F], leaves in JAX's order (dictionaries
    by sorted key).
  """
  leaves = jax.tree_util.tree_leaves(observation)
  flat = [
    jnp.reshape(leaf, (*leaf.shape[:num_batch_dims], -1)).astype(jnp.float32)
    for leaf in leaves
  ]
  return jnp.concatenate(flat, axis=-1)
