"""The soft state-value network, V(s)."""

from collections.abc import Sequence
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme.networks import mlp
from quinoa_acme.networks import norms


class ValueMLP(hk.Module):
  """V(s), an MLP that is exactly zero at initialisation (section 4).

  Examples:
    >>> value = hk.transform(lambda state: ValueMLP((32,))(state))
    >>> params = value.init(jax.random.PRNGKey(0), jnp.ones((2, 3)))
    >>> value.apply(params, None, jnp.ones((2, 3)))
    Array([0., 0.], dtype=float32)
  """

  def __init__(
    self,
    hidden_sizes: Sequence[int],
    norm: norms.Norm = norms.WeightNorm(),
    name: str = 'value',
  ):
    """Makes the network.

    Args:
      hidden_sizes: width of each hidden layer.
      norm: normalisation of these layers.
      name: the module's name.
    """
    super().__init__(name)
    self._hidden_sizes = hidden_sizes
    self._layer = norms.layer_of(norm)

  def __call__(self, observation: Any) -> jax.Array:
    """Computes V for a batch of observations.

    Args:
      observation: an array or nest of arrays with a leading batch dimension.

    Returns:
      V in units of reward, float32 of shape [B].
    """
    features = mlp.flatten_observation(observation)
    network = mlp.MLP(self._hidden_sizes, 1, layer=self._layer, name='mlp')
    return jnp.squeeze(network(features), axis=-1)
