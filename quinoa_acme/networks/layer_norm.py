"""Layer normalisation, after Ba, Kiros and Hinton, 2016 (arXiv 1607.06450)."""

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme.networks import linear

_EPSILON = 1e-5


@jax.custom_vjp
def standardise(inputs: jax.Array) -> jax.Array:
  """Shifts and scales each row to zero mean and unit variance.

  Row sums are written as products with a vector: on a CPU, XLA's reductions
  over the last axis take longer than the layers around them.

  Args:
    inputs: float array of shape [..., I].

  Returns:
    An array of the same shape.
  """
  return _standardise(inputs)[0]


def _standardise(inputs):
  centred = inputs - _mean_of_row(inputs)
  scale = jax.lax.rsqrt(_mean_of_row(jnp.square(centred)) + _EPSILON)
  standardised = centred * scale
  return standardised, (standardised, scale)


def _standardise_backward(kept, gradient):
  standardised, scale = kept
  along = _mean_of_row(gradient * standardised)
  return (scale * (gradient - _mean_of_row(gradient) - standardised * along),)


standardise.defvjp(_standardise, _standardise_backward)


def _mean_of_row(inputs: jax.Array) -> jax.Array:
  """The mean over the last axis, with that axis kept."""
  size = inputs.shape[-1]
  return inputs @ jnp.full((size, 1), 1.0 / size, inputs.dtype)


class LayerNormLinear(linear.SizedLayer):
  """A linear layer whose outputs are standardised, then scaled and shifted.

  A layer that starts at zero is not normalised.

  Examples:
    >>> layer = hk.transform(lambda x: LayerNormLinear(16)(x))
    >>> inputs = jax.random.normal(jax.random.PRNGKey(0), (8, 3))
    >>> params = layer.init(jax.random.PRNGKey(1), inputs)
    >>> round(float(layer.apply(params, None, 100.0 * inputs).std()), 2)
    1.0
  """

  def __call__(self, *inputs: jax.Array) -> jax.Array:
    """Applies the layer to the concatenation of its inputs.

    Args:
      *inputs: float arrays of shapes [..., I_i]; see `linear.product`.

    Returns:
      An array of shape [..., output_size].
    """
    layer = linear.Linear(
      self._output_size, zero_init=self._zero_init, name='linear'
    )
    output = layer(*inputs)
    if self._zero_init:
      return output
    return _scale_and_shift(standardise(output))


class LayerNorm(hk.Module):
  """Layer normalisation alone, for networks that are not made of `Layer`s.

  Examples:
    >>> norm = hk.transform(lambda x: LayerNorm()(x))
    >>> inputs = 7.0 * jax.random.normal(jax.random.PRNGKey(0), (8, 32))
    >>> params = norm.init(jax.random.PRNGKey(1), inputs)
    >>> round(float(norm.apply(params, None, inputs).std()), 2)
    1.0
  """

  def __call__(self, inputs: jax.Array) -> jax.Array:
    """Standardises each row, then scales and shifts it.

    Args:
      inputs: float array of shape [..., I].

    Returns:
      An array of the same shape.
    """
    return _scale_and_shift(standardise(inputs))


def _scale_and_shift(standardised: jax.Array) -> jax.Array:
  """Applies a learned scale and offset of the current module, [I] each."""
  shape = standardised.shape[-1:]
  scale = hk.get_parameter('scale', shape, standardised.dtype, jnp.ones)
  offset = hk.get_parameter('offset', shape, standardised.dtype, jnp.zeros)
  return standardised * jnp.broadcast_to(
    scale, standardised.shape
  ) + jnp.broadcast_to(offset, standardised.shape)
