"""A Q-function of observation and action as a plain network."""

from collections.abc import Sequence
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme.networks import mlp


class CriticMLP(hk.Module):
  """Q(a, s), an MLP with layer normalisation, zero at initialisation.

  Layer normalisation bounds what the network says of actions far from those it
  was fitted at, which keeps bootstrapped values from running away (Ball et al.,
  'Efficient Online Reinforcement Learning with Offline Data', 2023, section
  4.2).
  """

  def __init__(self, hidden_sizes: Sequence[int], name: str = 'critic'):
    """Makes the network.

    Args:
      hidden_sizes: width of each hidden layer.
      name: the module's name.
    """
    super().__init__(name)
    self._hidden_sizes = tuple(hidden_sizes)

  def __call__(self, observation: Any, action: jax.Array) -> jax.Array:
    """Values a batch of observations and actions.

    Args:
      observation: an array or nest of arrays with a leading batch dimension.
      action: actions scaled to [-1, 1], float32 of shape [B, A].

    Returns:
      The value in units of reward, float32 of shape [B].
    """
    features = mlp.flatten_observation(observation)
    hidden = jnp.concatenate([features, action], axis=-1)
    for i, size in enumerate(self._hidden_sizes):
      layer = hk.Linear(size, w_init=mlp.uniform_init, name=f'hidden_{i}')
      hidden = layer(hidden)
      hidden = hk.LayerNorm(-1, True, True, name=f'norm_{i}')(hidden)
      hidden = jax.nn.relu(hidden)
    value = hk.Linear(1, w_init=jnp.zeros, name='output')(hidden)
    return jnp.squeeze(value, axis=-1)
