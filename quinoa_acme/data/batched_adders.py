"""Adders for an actor of several environments, which it steps in turns.

In a turn each environment makes one step. Their episodes begin and end each in
its own turn, and no transition spans two environments, or two episodes.
"""

import collections
from collections.abc import Sequence
from typing import Any, cast, Protocol

from acme import adders as adders_lib
from acme import types
import dm_env
import numpy as np
import tree

from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import nests


class BatchedAdder(Protocol):
  """Takes what an actor sees in its environments."""

  def add_first(self, index: int, timestep: dm_env.TimeStep) -> None:
    """Starts an episode of an environment.

    Args:
      index: of the environment.
      timestep: the episode's first.
    """
    ...

  def add(
    self, actions: np.ndarray, next_timesteps: Sequence[dm_env.TimeStep]
  ) -> None:
    """Adds a turn.

    Args:
      actions: what was done in each environment, [N, *action].
      next_timesteps: what came of it. Where it is an episode's last, the next
        turn needs an `add_first` before.
    """
    ...

  def reset(self) -> None:
    """Forgets the episodes in progress; what was added of them is in replay."""
    ...


class AdderEach:
  """An adder for each environment."""

  def __init__(self, adders: Sequence[adders_lib.Adder]):
    """Wraps adders, one for each environment."""
    self._adders = adders

  def add_first(self, index: int, timestep: dm_env.TimeStep) -> None:
    """As a `BatchedAdder`."""
    self._adders[index].add_first(timestep)

  def add(
    self, actions: np.ndarray, next_timesteps: Sequence[dm_env.TimeStep]
  ) -> None:
    """As a `BatchedAdder`."""
    for adder, action, timestep in zip(
      self._adders, actions, next_timesteps, strict=True
    ):
      adder.add(action, timestep)

  def reset(self) -> None:
    """As a `BatchedAdder`."""
    for adder in self._adders:
      adder.reset()


class BatchInserter(Protocol):
  """What takes transitions by batches: a `packing.PackedWriter`."""

  def insert_batch(self, transitions: types.Transition) -> None:
    """Takes transitions, leaves [N, ...]."""
    ...

  def flush(self) -> None:
    """Waits until what was inserted is in replay."""
    ...


class BatchedWindowAdder:
  """Adds the transitions of a `replay.WindowAdder` for each environment.

  Those of a turn are made together, which takes hardly longer than one.
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
      replay: takes the transitions; made for windows of as many steps.
      num_environments: N.
      window: the steps that a transition holds one by one.
      discount: the agent's discount.
    """
    self._replay = replay
    self._window = window
    self._discount = np.float32(discount)
    # Where the next action of each environment is taken, leaves [N, ...].
    self._observation: Any = None
    self._has_begun = np.zeros(num_environments, bool)
    # The last turns, the oldest first, leaves [N, ...], and how many of them
    # are of the episode in progress in each environment.
    self._turns: collections.deque[transitions_lib.Step] = collections.deque(
      maxlen=window
    )
    self._held = np.zeros(num_environments, int)

  def add_first(self, index: int, timestep: dm_env.TimeStep) -> None:
    """As a `BatchedAdder`.

    Raises:
      ValueError: if the time step is none of an episode's start, or its
        observation has another shape than those before.
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
    """As a `BatchedAdder`.

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
    """As a `BatchedAdder`."""
    self._has_begun[:] = False
    self._turns.clear()
    self._replay.flush()

  def _insert(self, num_steps: int, which: np.ndarray) -> None:
    """Inserts transitions of the last steps, of some of the environments."""
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
  # NumPy would spread a smaller one.
  if np.shape(value) != column.shape[1:]:
    raise ValueError(
      f'an episode starts with an array {list(np.shape(value))} in its '
      f'observation, where {list(column.shape[1:])} came before. The '
      'environment must give what its specs say.'
    )
  column[index] = value
