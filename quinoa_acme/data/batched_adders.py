"""Adders for an actor that steps several environments in lockstep.

In a turn each environment makes one step. Episodes begin and end independently
in each, and no transition spans two environments or two episodes.
"""

import collections
from collections.abc import Sequence
from typing import Any, cast, Protocol

import dm_env
import numpy as np
import tree

from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import nests


class BatchedAdder(Protocol):
  """Receives what an actor observes in its environments."""

  def add_first(self, index: int, timestep: dm_env.TimeStep) -> None:
    """Starts an episode in one environment.

    Args:
      index: of the environment.
      timestep: the episode's first time step.
    """
    ...

  def add(
    self, actions: np.ndarray, next_timesteps: Sequence[dm_env.TimeStep]
  ) -> None:
    """Adds one step of every environment.

    Args:
      actions: the actions taken, one per environment, [N, *action].
      next_timesteps: the resulting time steps. After an episode's last one,
        call `add_first` before the next `add`.
    """
    ...

  def reset(self) -> None:
    """Forgets the episodes in progress; added transitions stay in replay."""
    ...


class AdderEach:
  """One adder for each environment."""

  def __init__(self, adders: Sequence[core.Adder]):
    """Wraps adders, one for each environment."""
    self._adders = adders

  def add_first(self, index: int, timestep: dm_env.TimeStep) -> None:
    """See `BatchedAdder`."""
    self._adders[index].add_first(timestep)

  def add(
    self, actions: np.ndarray, next_timesteps: Sequence[dm_env.TimeStep]
  ) -> None:
    """See `BatchedAdder`."""
    for adder, action, timestep in zip(
      self._adders, actions, next_timesteps, strict=True
    ):
      adder.add(action, timestep)

  def reset(self) -> None:
    """See `BatchedAdder`."""
    for adder in self._adders:
      adder.reset()


class BatchInserter(Protocol):
  """Inserts transitions in batches, as a `packing.PackedWriter` does."""

  def insert_batch(self, transitions: types.Transition) -> None:
    """Inserts transitions, leaves [N, ...]."""
    ...

  def flush(self) -> None:
    """Waits until the inserted transitions are in replay."""
    ...


class BatchedWindowAdder:
  """Adds the transitions of a `replay.WindowAdder` for each environment.

  It makes one turn's transitions together, in little more time than one.
  """

  def __init__(
    self,
    replay: BatchInserter,
    num_environments: int,
    window: int,
    discount: float,
  ):
    """Makes the adder.

    Args:
      replay: receives the transitions; made for windows of the same length.
      num_environments: N.
      window: number of steps that a transition holds one by one.
      discount: the agent's discount.
    """
    self._replay = replay
    self._window = window
    self._discount = np.float32(discount)
    # The observation behind each environment's next action, leaves [N, ...].
    self._observation: Any = None
    self._has_begun = np.zeros(num_environments, bool)
    # The last turns, oldest first, leaves [N, ...], and how many of them belong
    # to the current episode of each environment.
    self._turns: collections.deque[transitions_lib.Step] = collections.deque(
      maxlen=window
    )
    self._held = np.zeros(num_environments, int)

  def add_first(self, index: int, timestep: dm_env.TimeStep) -> None:
    """See `BatchedAdder`.

    Raises:
      ValueError: if the time step is not the first of an episode, or its
        observation differs in shape from earlier ones.
    """
    if not timestep.first():
      raise ValueError(f'add_first needs a first time step, got {timestep!r}.')
    observation = nests.canonical(timestep.observation)
    if self._observation is None:
      self._observation = transitions_lib.stack(
        [observation] * len(self._has_begun)
      )
    tree.map_structure(
      lambda column, leaf: _set(column, index, leaf),
      self._observation,
      observation,
    )
    self._has_begun[index] = True
    self._held[index] = 0

  def add(
    self, actions: np.ndarray, next_timesteps: Sequence[dm_env.TimeStep]
  ) -> None:
    """See `BatchedAdder`.

    Raises:
      ValueError: if an environment has no episode in progress.
    """
    if not self._has_begun.all():
      raise ValueError('add was called before add_first.')
    self._turns.append(
      transitions_lib.Step(
        self._observation,
        actions.copy(),
        np.array([timestep.reward for timestep in next_timesteps]),
        np.array([timestep.discount for timestep in next_timesteps]),
      )
    )
    self._observation = transitions_lib.stack(
      [nests.canonical(timestep.observation) for timestep in next_timesteps]
    )
    self._held = np.minimum(self._held + 1, self._window)
    self._insert(self._window, self._held == self._window)
    ended = np.array([timestep.last() for timestep in next_timesteps])
    if ended.any():
      for num_steps in range(self._window - 1, 0, -1):
        self._insert(num_steps, ended & (self._held >= num_steps))
      self._has_begun &= ~ended
      self._replay.flush()

  def reset(self) -> None:
    """See `BatchedAdder`."""
    self._has_begun[:] = False
    self._turns.clear()
    self._replay.flush()

  def _insert(self, num_steps: int, which: np.ndarray) -> None:
    """Inserts transitions of the last steps, for some environments."""
    if not which.any():
      return
    transitions = transitions_lib.make_window(
      list(self._turns)[-num_steps:],
      self._observation,
      self._window,
      self._discount,
      axis=1,
    )
    if not which.all():
      transitions = cast(
        types.Transition,
        tree.map_structure(lambda leaf: leaf[which], transitions),
      )
    self._replay.insert_batch(transitions)


def _set(column: np.ndarray, index: int, value: Any) -> None:
  # NumPy would broadcast a smaller one.
  if np.shape(value) != column.shape[1:]:
    raise ValueError(
      f'an episode starts with an array {list(np.shape(value))} in its '
      f'observation, but earlier ones were {list(column.shape[1:])}. The '
      'environment must follow its specs.'
    )
  column[index] = value
