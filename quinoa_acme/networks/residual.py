"""Residual blocks with layer normalisation before each, and after the last.

Lee et al., 'SimBa: Simplicity Bias for Scaling Up Parameters in Deep
Reinforcement Learning', 2024 (arXiv 2410.09754), section 4.
"""

from collections.abc import Sequence
from typing import Any

import haiku as hk
import jax

from quinoa_acme.networks import layer_norm

# The hidden layer of a block is so many times as wide as its input.
_EXPANSION = 4
# He's normal, for what a ReLU follows or is followed by.
_HE = hk.initializers.VarianceScaling(2.0, 'fan_in', 'truncated_normal')


def orthogonal(shape: Sequence[int], dtype: Any) -> jax.Array:
  """Initialises a weight by a random matrix with orthogonal columns or rows.

  JAX's own; Haiku's raises the rank of its operands.
  """
  initializer = jax.nn.initializers.orthogonal()
  return initializer(hk.next_rng_key(), tuple(shape), dtype)


class ResidualTrunk(hk.Module):
  """Features h_0 = W x, h_{i+1} = h_i + MLP(norm(h_i)), and at last norm(h_n).

  MLP is a hidden layer of four times the width with a ReLU, and a linear layer
  back to the width. Without an activation on the way, a linear function of the
  inputs reaches the features.

  Examples:
    >>> network = hk.transform(lambda x: ResidualTrunk(16, 2)(x))
    >>> inputs = jax.random.normal(jax.random.PRNGKey(0), (8, 3))
    >>> params = network.init(jax.random.PRNGKey(1), inputs)
    >>> network.apply(params, None, inputs).shape
    (8, 16)
  """

  def __init__(self, width: int, num_blocks: int, name: str | None = None):
    """Makes the network.

    Args:
      width: of the features.
      num_blocks: number of residual blocks, at least one.
      name: the module's name.
    """
    super().__init__(name)
    self._width = width
    self._num_blocks = num_blocks

  def __call__(self, inputs: jax.Array) -> jax.Array:
    """Computes the features.

    Args:
      inputs: float array of shape [B, I].

    Returns:
      The features, [B, width].
    """
    features = hk.Linear(self._width, w_init=orthogonal, name='input')(inputs)
    for i in range(self._num_blocks):
      hidden = layer_norm.LayerNorm(name=f'norm_{i}')(features)
      hidden = hk.Linear(
        _EXPANSION * self._width, w_init=_HE, name=f'wide_{i}'
      )(hidden)
      hidden = hk.Linear(self._width, w_init=_HE, name=f'back_{i}')(
        jax.nn.relu(hidden)
      )
      features += hidden
    return layer_norm.LayerNorm(name='last_norm')(features)
