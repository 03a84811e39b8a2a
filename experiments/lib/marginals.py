"""The policy's density over two action dimensions, the others integrated out.

A flow gives the exact joint density, but no marginal. With samples r of the
other dimensions, drawn from the policy,

    p(x | s) = E_r [ p(x | r, s) ],    p(x | r, s) = p(x, r | s) / Z(r, s)

where Z(r, s), the integral of the joint density over the two dimensions x, is
computed by Gauss-Legendre quadrature on the box. No kernel smooths the
estimate. With two action dimensions it is exact except for Z; with more it is
unbiased, and each sample adds a whole density, not a point.
"""

from collections.abc import Callable
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

# Evaluates log-densities: actions [..., B, A] to [..., B] for B observations.
LogProb = Callable[[jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class Grid:
  """Points of a box with their quadrature weights, denser near its faces.

  Attributes:
    points: by action dimension, float64 of shape [A, n], rising.
    weights: of the same shape; each row sums to the box's width there.
  """

  points: np.ndarray
  weights: np.ndarray

  @classmethod
  def of_box(cls, low: np.ndarray, high: np.ndarray, size: int) -> 'Grid':
    """Makes the Gauss-Legendre grid of a box.

    Args:
      low: lower bounds, [A].
      high: upper bounds, [A].
      size: number n of points in each dimension, at least 2.

    Returns:
      The grid.
    """
    if size < 2:
      raise ValueError(f'a grid needs at least 2 points, but size is {size}.')
    points, weights = np.polynomial.legendre.leggauss(size)
    half = (np.asarray(high, float) - np.asarray(low, float))[:, None] / 2.0
    return cls(
      points=np.asarray(low, float)[:, None] + half * (points + 1.0),
      weights=half * weights,
    )

  def areas(self, pair: tuple[int, int]) -> np.ndarray:
    """The area of each grid point of two dimensions, [n, n]."""
    first, second = pair
    return np.outer(self.weights[first], self.weights[second])


def pairs_of(num_dimensions: int) -> list[tuple[int, int]]:
  """The pairs of the paper's figure 2: first and second, third and fourth, ...

  Args:
    num_dimensions: number A of action dimensions.

  Returns:
    Pairs of dimensions, from 0; of an odd number the last is left out.

  Raises:
    ValueError: if there are fewer than two dimensions.
  """
  if num_dimensions < 2:
    raise ValueError(
      'a marginal over two action dimensions needs two, but the actions have '
      f'{num_dimensions}.'
    )
  return [(i, i + 1) for i in range(0, num_dimensions - 1, 2)]


def log_marginal(
  log_prob: LogProb, samples: jax.Array, grid: Grid, pair: tuple[int, int]
) -> jax.Array:
  """The marginal log-density of a batch of states on a grid.

  Args:
    log_prob: the policy's log-density in B states.
    samples: actions of the policy in those states, [K, B, A]; their values in
      the pair's dimensions do not matter.
    grid: the points at which to compute it.
    pair: the two dimensions.

  Returns:
    Float32 of shape [B, n, n], with the pair's first dimension by row. It sums
    to one with the grid's weights.
  """
  size = grid.points.shape[1]
  rows, columns = np.meshgrid(
    grid.points[pair[0]], grid.points[pair[1]], indexing='ij'
  )
  log_areas = jnp.log(jnp.asarray(grid.areas(pair).ravel(), jnp.float32))
  actions = jnp.broadcast_to(
    samples[:, None], (samples.shape[0], size**2, *samples.shape[1:])
  )
  # [K, n * n, B, A], the pair's values by grid point.
  for dimension, values in zip(pair, (rows, columns), strict=True):
    value = jnp.asarray(values.ravel(), jnp.float32)[None, :, None]
    actions = actions.at[..., dimension].set(
      jnp.broadcast_to(value, actions.shape[:-1])
    )
  joint = log_prob(actions)
  weights = jnp.broadcast_to(log_areas[None, :, None], joint.shape)
  normaliser = jax.nn.logsumexp(joint + weights, axis=1, keepdims=True)
  conditional = joint - jnp.broadcast_to(normaliser, joint.shape)
  mean = jax.nn.logsumexp(conditional, axis=0) - jnp.log(samples.shape[0])
  return jnp.reshape(mean.T, (samples.shape[1], size, size))
