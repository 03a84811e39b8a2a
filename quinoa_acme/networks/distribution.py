"""The interface that all densities over actions share."""

import abc
from collections.abc import Sequence
import math

import jax
import jax.numpy as jnp


class Distribution(abc.ABC):
  """A batch of B densities over vectors of A numbers.

  It has those methods of distrax's distributions that agents use, with the same
  arguments. `bijectors.py` says why it does not derive from distrax.
  """

  @property
  @abc.abstractmethod
  def event_shape(self) -> tuple[int, ...]:
    """Shape of one (flat) action, (A,)."""

  @property
  @abc.abstractmethod
  def batch_shape(self) -> tuple[int, ...]:
    """Shape of the batch, (B,)."""

  @abc.abstractmethod
  def log_prob(self, value: jax.Array) -> jax.Array:
    """Log-density of flat actions, [..., B, A] to [..., B]."""

  @abc.abstractmethod
  def mode(self) -> jax.Array:
    """One greedy action of each density, [B, A]."""

  def sample(
    self, *, seed: jax.Array, sample_shape: Sequence[int] = ()
  ) -> jax.Array:
    """Draws actions; gradients flow through them into the parameters.

    Args:
      seed: a random key.
      sample_shape: leading dimensions, the number of samples per density.

    Returns:
      Flat actions, [*sample_shape, B, A].
    """
    shape = tuple(sample_shape)
    action = self._sample_n(seed, math.prod(shape))
    return jnp.reshape(action, (*shape, *action.shape[1:]))

  def sample_and_log_prob(
    self, *, seed: jax.Array, sample_shape: Sequence[int] = ()
  ) -> tuple[jax.Array, jax.Array]:
    """Draws actions as `sample` does, with their log-density.

    Args:
      seed: a random key.
      sample_shape: leading dimensions, the number of samples per density.

    Returns:
      Flat actions, [*sample_shape, B, A], and log-densities, [*sample_shape,
      B], which need no inversion here. Gradients flow through both, because the
      actions move with the parameters.
    """
    shape = tuple(sample_shape)
    action, log_prob = self._sample_n_and_log_prob(seed, math.prod(shape))
    return (
      jnp.reshape(action, (*shape, *action.shape[1:])),
      jnp.reshape(log_prob, (*shape, *log_prob.shape[1:])),
    )

  @abc.abstractmethod
  def _sample_n(self, key: jax.Array, n: int) -> jax.Array:
    """Draws n actions of each density, [n, B, A]."""

  @abc.abstractmethod
  def _sample_n_and_log_prob(
    self, key: jax.Array, n: int
  ) -> tuple[jax.Array, jax.Array]:
    """Draws n actions of each density, with log-densities [n, B]."""
