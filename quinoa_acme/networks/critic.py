"""A Q-function of observation and action, as a plain network."""

from collections.abc import Sequence
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme.networks import mlp
from quinoa_acme.networks import norms


class CriticMLP(hk.Module):
  """Q(a, s), an MLP that is zero at initialisation.

  Layer normalisation (the default) bounds the output at actions far from the
  fitted ones, which keeps bootstrapped values from diverging (Ball et al.,
  'Efficient Online Reinforcement Learning with Offline Data', 2023, section
  4.2).

  Examples:
    >>> critic = hk.transform(lambda s, a: CriticMLP((32,))(s, a))
    >>> state, actions = jnp.ones((8, 3)), jnp.zeros((4, 8, 2))
    >>> params = critic.init(jax.random.PRNGKey(0), state, actions)
    >>> critic.apply(params, None, state, actions).shape
    (4, 8)
  """

  def __init__(
    self,
    hidden_sizes: Sequence[int],
    norm: norms.Norm = norms.LayerNorm(),
    name: str = 'critic',
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

  def __call__(self, observation: Any, action: jax.Array) -> jax.Array:
    """Computes Q for observations and actions.

    Args:
      observation: an array or nest of arrays with a leading batch dimension.
      action: actions scaled to [-1, 1], float32 of shape [..., B, A].

    Returns:
      Q in units of reward, float32 of shape [..., B].
    """
    features = mlp.flatten_observation(observation)
    network = mlp.MLP(self._hidden_sizes, 1, layer=self._layer, name='mlp')
    return jnp.squeeze(network(features, action), axis=-1)
