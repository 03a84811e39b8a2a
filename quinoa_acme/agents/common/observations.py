"""How the networks see observations: as they are, or normalised.

Positions and velocities differ in scale by orders of magnitude, and the first
layer then sees little but the largest. Running statistics of the replayed
observations bring every feature to mean 0 and standard deviation 1. They are
part of the learner's state, and actors get them with the policy.

This is not in the Quinoa paper. See docs/decisions/0038-linear-energy.md.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from quinoa_acme.utils import nests
from quinoa_acme.utils import validation
from quinoa_acme.utils.common_types import Observation

# Added to the variance: a feature whose standard deviation is far below 0.01 is
# not blown up to 1.
_EPSILON = 1e-4
# A feature that has hardly moved so far may move by many standard deviations.
_MAX_ABS = 10.0


@dataclasses.dataclass(frozen=True)
class RawObservations:
  """The networks see observations as the environment gives them.

  Examples:
    >>> observations: Observations = RawObservations()
  """


@dataclasses.dataclass(frozen=True)
class NormalisedObservations:
  """The networks see observations normalised by running statistics.

  Attributes:
    rate: the weight of a batch of replay in the running mean and variance.
      Before 1 / rate SGD steps, they are those of all batches so far.

  Examples:
    >>> NormalisedObservations(rate=0.0)
    Traceback (most recent call last):
    ValueError: rate must be in (0, 1], but is 0.0.
  """

  rate: float = 1e-3

  def __post_init__(self):
    validation.check_rate(self, 'rate')


Observations = RawObservations | NormalisedObservations


class Statistics(NamedTuple):
  """The mean and variance of each feature; nests like an observation."""

  mean: Any
  variance: Any


def initial(
  option: Observations, observation: Observation
) -> Statistics | None:
  """The statistics before the first SGD step: those of its batch.

  Args:
    option: how the networks see observations.
    observation: the batch, leaves [B, ...].

  Returns:
    The statistics, float32, or None for raw observations.
  """
  match option:
    case RawObservations():
      return None
    case NormalisedObservations():
      return _of_batch(observation)


def update(
  option: Observations,
  statistics: Statistics | None,
  observation: Observation,
  steps: jax.Array,
) -> Statistics | None:
  """The statistics after an SGD step.

  Args:
    option: how the networks see observations.
    statistics: the statistics before it.
    observation: the step's batch, leaves [B, ...].
    steps: number of SGD steps made before it, int32 scalar.

  Returns:
    The new statistics, or None for raw observations.
  """
  match option:
    case RawObservations():
      return None
    case NormalisedObservations(rate=rate):
      assert statistics is not None
      # The first batch has also given the initial statistics.
      weight = jnp.maximum(1.0 / (steps + 1), rate)
      batch = _of_batch(observation)
      # The variance about one mean, by the law of total variance.
      between = jax.tree_util.tree_map(
        lambda old, new: (1.0 - weight) * jnp.square(new - old),
        statistics.mean,
        batch.mean,
      )
      within = jax.tree_util.tree_map(jnp.add, batch.variance, between)

      def blend(old: jax.Array, new: jax.Array) -> jax.Array:
        return old + weight * (new - old)

      return Statistics(
        jax.tree_util.tree_map(blend, statistics.mean, batch.mean),
        jax.tree_util.tree_map(blend, statistics.variance, within),
      )


def normalise(
  statistics: Statistics | None, observation: Observation
) -> Observation:
  """Normalises observations to mean 0 and standard deviation 1.

  Args:
    statistics: the statistics; None leaves observations as they are.
    observation: observations, leaves [..., *feature].

  Returns:
    float32 leaves of the same shapes, bounded to [-10, 10]; mappings are in the
    order of their keys.
  """
  if statistics is None:
    return observation

  def leaf(x: Any, mean: jax.Array, variance: jax.Array) -> jax.Array:
    feature = jnp.asarray(x, jnp.float32)
    mean, variance = (
      jnp.broadcast_to(part, feature.shape) for part in (mean, variance)
    )
    scaled = (feature - mean) * jax.lax.rsqrt(variance + _EPSILON)
    return jnp.clip(scaled, -_MAX_ABS, _MAX_ABS)

  return jax.tree_util.tree_map(
    leaf, nests.canonical(observation), statistics.mean, statistics.variance
  )


def _of_batch(observation: Observation) -> Statistics:
  """The mean and variance over the leading dimension."""
  nest = jax.tree_util.tree_map(
    lambda x: jnp.asarray(x, jnp.float32), nests.canonical(observation)
  )
  return Statistics(
    jax.tree_util.tree_map(lambda x: jnp.mean(x, axis=0), nest),
    jax.tree_util.tree_map(lambda x: jnp.var(x, axis=0), nest),
  )
