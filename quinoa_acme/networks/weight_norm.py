"""Weight normalisation with data-dependent initialisation.

Salimans and Kingma, 'Weight Normalization', 2016 (arXiv 1602.07868).
"""

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme.networks import linear

# Below this spread a pre-activation counts as constant over the batch: no scale
# can give it unit variance, and dividing would only amplify rounding.
_CONSTANT = 1e-4
# No initial gain exceeds the inverse of this. A feature that hardly varies in
# the first batch may vary much more in later ones.
_MIN_SPREAD = 0.1


class WeightNormLinear(linear.SizedLayer):
  """A linear layer whose weight is `gain * direction / |direction|`.

  Each column of the weight has the norm `gain` (equation 2 of the paper).

  Haiku runs a module's initialisers on the actual inputs of `init`, so the
  initialisation of equation 5 needs no second pass. With `t` the normalised
  pre-activations of that batch, `gain = 1 / std(t)` and `bias = -mean(t)
  / std(t)`. So each output of this layer starts with zero mean and unit
  variance on the batch, whatever the earlier layers do. (A spread below 0.1
  counts as 0.1, which bounds the gain.) If an input does not vary over the
  batch, such as a single dummy observation or a constant feature, its spread is
  unknown: the unit keeps unit gain and zero bias.

  Examples:
    >>> layer = hk.transform(lambda x: WeightNormLinear(16)(x))
    >>> inputs = 100.0 * jax.random.normal(jax.random.PRNGKey(0), (64, 3))
    >>> params = layer.init(jax.random.PRNGKey(1), inputs)
    >>> round(float(layer.apply(params, None, inputs).std()), 2)
    1.0
  """

  def __call__(self, *inputs: jax.Array) -> jax.Array:
    """Applies the layer to the concatenation of its inputs.

    Args:
      *inputs: float arrays of shapes [..., I_i]; see `linear.product`.

    Returns:
      An array of shape [..., output_size].
    """
    dtype = inputs[0].dtype
    direction = hk.get_parameter(
      'direction',
      (sum(part.shape[-1] for part in inputs), self._output_size),
      dtype,
      hk.initializers.RandomNormal(0.05),
    )
    inverse_norm = jax.lax.rsqrt(jnp.sum(jnp.square(direction), axis=0))
    # Only the initialisers use it, so otherwise it is not computed.
    normalised = linear.product(inputs, direction * inverse_norm[None])

    def init_gain(shape, dtype):
      if self._zero_init:
        return jnp.zeros(shape, dtype)
      return 1.0 / _spread(normalised)

    def init_bias(shape, dtype):
      if self._zero_init:
        return jnp.zeros(shape, dtype)
      mean = jnp.mean(_as_batch(normalised), axis=0)
      centre = jnp.where(_is_constant(normalised), 0.0, mean)
      return -centre / _spread(normalised)

    shape = (self._output_size,)
    gain = hk.get_parameter('gain', shape, dtype, init_gain)
    bias = hk.get_parameter('bias', shape, dtype, init_bias)
    # Scale the weight, not the batch, which is larger.
    output = linear.product(inputs, direction * (gain * inverse_norm)[None])
    return output + jnp.broadcast_to(bias, output.shape)


def _as_batch(values: jax.Array) -> jax.Array:
  return jnp.reshape(values, (-1, values.shape[-1]))


def _is_constant(values: jax.Array) -> jax.Array:
  return jnp.std(_as_batch(values), axis=0) < _CONSTANT


def _spread(values: jax.Array) -> jax.Array:
  """Standard deviation of each unit over the batch; one if there is none."""
  std = jnp.maximum(jnp.std(_as_batch(values), axis=0), _MIN_SPREAD)
  return jnp.where(_is_constant(values), 1.0, std)
