"""Finds the state in which a policy is the most multimodal.

A state is measured by the marginal of its policy over two action dimensions
(`modes.multimodality`: the mass outside the heaviest mode), for the pair where
that is largest. A first look at all states is coarse. The best states get a
second look, on a finer grid and with more samples, so that no mode comes from a
few samples.
"""

from collections.abc import Callable
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from experiments.lib import marginals
from experiments.lib import modes as modes_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.networks import box as box_lib
from quinoa_acme.utils import validation

# States to evaluate in one call on the device.
_CHUNK = 8


@dataclasses.dataclass(frozen=True)
class Look:
  """How closely to look at states.

  Attributes:
    grid_size: points of the grid in each dimension.
    num_samples: samples of the other dimensions.
  """

  grid_size: int
  num_samples: int

  def __post_init__(self):
    validation.check_whole(self, 'grid_size', least=2)
    validation.check_whole(self, 'num_samples')


COARSE = Look(grid_size=12, num_samples=64)
FINE = Look(grid_size=32, num_samples=512)


@dataclasses.dataclass(frozen=True)
class PairModes:
  """A policy in one state, in two of its dimensions.

  Attributes:
    pair: the two dimensions, from 0.
    log_density: the marginal on the grid, float32 of shape [n, n].
    modes: of the marginal, heaviest first.
  """

  pair: tuple[int, int]
  log_density: np.ndarray
  modes: tuple[modes_lib.Mode, ...]


class PolicyView:
  """A policy, prepared to compute its marginals and modes."""

  def __init__(
    self,
    policy: quinoa.QuinoaPolicy,
    variables: quinoa.PolicyVariables,
    box: box_lib.Box,
  ):
    """Makes the view.

    Args:
      policy: its actions have shape [A], with A at least 2.
      variables: its learned variables.
      box: of its actions.

    Raises:
      ValueError: if the actions are not vectors, or have a single dimension.
    """
    if len(box.shape) != 1:
      raise ValueError(f'actions must be vectors, but have shape {box.shape}.')
    self.pairs = marginals.pairs_of(box.num_dimensions)
    self._policy = policy
    self._variables = variables
    self._box = box

  def sample(
    self, observation: np.ndarray, num_samples: int, seed: int
  ) -> np.ndarray:
    """Draws actions in one state, [F] to [num_samples, A]."""
    action, _ = self._policy.draw(
      self._variables,
      jax.random.PRNGKey(seed),
      jnp.asarray(observation[None]),
      num_samples,
    )
    return np.asarray(action[:, 0])

  def look(
    self, observations: np.ndarray, look: Look, seed: int
  ) -> list[list[PairModes]]:
    """Looks at every pair of dimensions in every state.

    Args:
      observations: of N states, float32 of shape [N, F].
      look: how closely.
      seed: for the samples.

    Returns:
      The pairs of each state.
    """
    grid = marginals.Grid.of_box(self._box.low, self._box.high, look.grid_size)
    marginals_of = self._make_marginals(grid, look.num_samples)
    key = jax.random.PRNGKey(seed)
    found = []
    for start in range(0, len(observations), _CHUNK):
      chunk = observations[start : start + _CHUNK]
      # The last call is padded, so that one compiled program serves all.
      padded = np.pad(chunk, ((0, _CHUNK - len(chunk)), (0, 0)), mode='edge')
      log_densities = jax.device_get(
        marginals_of(jax.random.fold_in(key, start), jnp.asarray(padded))
      )
      for state in range(len(chunk)):
        found.append(
          [
            _pair_modes(pair, log_density[state], grid)
            for pair, log_density in zip(self.pairs, log_densities, strict=True)
          ]
        )
    return found

  def _make_marginals(
    self, grid: marginals.Grid, num_samples: int
  ) -> Callable[[jax.Array, jax.Array], list[jax.Array]]:
    """Makes a function of a random key and observations, [B, F]."""

    def marginals_of(key, observations):
      samples, _ = self._policy.draw(
        self._variables, key, observations, num_samples
      )
      return [
        marginals.log_marginal(
          lambda action: self._policy.log_prob(
            self._variables, observations, action
          ),
          samples,
          grid,
          pair,
        )
        for pair in self.pairs
      ]

    return jax.jit(marginals_of)


def _pair_modes(
  pair: tuple[int, int], log_density: np.ndarray, grid: marginals.Grid
) -> PairModes:
  modes = modes_lib.find_modes(log_density, grid.areas(pair))
  return PairModes(pair, log_density, tuple(modes))


def measure(pairs: list[PairModes]) -> float:
  """The measure of a state: that of its most multimodal pair."""
  return max(modes_lib.multimodality(pair.modes) for pair in pairs)


@dataclasses.dataclass(frozen=True)
class Found:
  """The result of a search.

  Attributes:
    index: of the state.
    pairs: the policy there, looked at closely.
    measures: of all states, at the first look, [N].
  """

  index: int
  pairs: list[PairModes]
  measures: np.ndarray


def search(
  view: PolicyView,
  observations: np.ndarray,
  seed: int = 0,
  num_candidates: int = 8,
  coarse: Look = COARSE,
  fine: Look = FINE,
) -> Found:
  """Finds the state with the largest measure.

  Args:
    view: the policy.
    observations: of N states, float32 of shape [N, F].
    seed: for the samples.
    num_candidates: number of states for the second look.
    coarse: the first look, at all of them.
    fine: the second look.

  Returns:
    The state, with its pairs.
  """
  measures = np.array(
    [measure(pairs) for pairs in view.look(observations, coarse, seed)]
  )
  candidates = np.argsort(-measures, kind='stable')[:num_candidates]
  seen = view.look(observations[candidates], fine, seed + 1)
  best = int(np.argmax([measure(pairs) for pairs in seen]))
  return Found(int(candidates[best]), seen[best], measures)
