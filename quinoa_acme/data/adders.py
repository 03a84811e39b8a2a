"""Adders: they make the transitions of what an actor observes.

One for an actor of one environment, and one for an actor that steps several in
lockstep: in a turn each environment makes one step. Episodes begin and end
independently in each, and no transition spans two environments or two episodes.
"""

import collections
from collections.abc import Iterable, Sequence
from typing import Any, cast, NamedTuple, Protocol

import dm_env
import numpy as np
import tree

from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import nests


class Step(NamedTuple):
  """An action with its observation, reward and discount.

  Attributes:
    observation: the observation before it.
    action: the action taken.
    reward: the reward for it.
    discount: the environment's discount after it.
  """

  observation: Any
  action: Any
  reward: Any
  discount: Any


def make_window(
  steps: Sequence[Step],
  next_observation: Any,
  window: int,
  discount: np.float32,
  axis: int = 0,
) -> types.Transition:
  """Makes one transition from consecutive steps of an episode, or N at once.

  Args:
    steps: the steps, oldest first, at most `window`; leaves [...], or
      [N, ...] for N transitions.
    next_observation: the observation after the last step.
    window: the number of steps n that the transition holds. If there are fewer,
      the first step takes the place of the missing ones.
    discount: the agent's, g.
    axis: the axis of the later steps in a transition's leaves: 0, or 1 for N.

  Returns:
    The transition, a `transitions.Window` for an n above 1.
  """
  first, *later = steps
  if window == 1:
    return types.Transition(*first, next_observation=next_observation)
  weights, decay = [], np.float32(first.discount)
  for step in later:
    weights.append(discount * decay)
    decay = weights[-1] * np.float32(step.discount)
  missing = window - len(steps)
  later += [first] * missing
  weights += [np.zeros_like(decay)] * missing
  return transitions_lib.Window(
    observation=first.observation,
    action=first.action,
    reward=first.reward,
    discount=decay,
    next_observation=next_observation,
    extras=transitions_lib.Later(
      observation=transitions_lib.stack(
        [step.observation for step in later], axis
      ),
      action=transitions_lib.stack([step.action for step in later], axis),
      reward=transitions_lib.stack([step.reward for step in later], axis),
      weight=transitions_lib.stack(weights, axis),
    ),
  )


class Inserter(Protocol):
  """Inserts transitions one by one: a replay, or a writer to one."""

  def insert(self, transition: types.Transition) -> None:
    """Inserts one transition, its leaves without a batch dimension."""
    ...

  def flush(self) -> None:
    """Waits until all inserted transitions are in replay."""
    ...


class ReplayAdder(core.Adder):
  """Adds an actor's transitions to a replay.

  They span one step or n. They equal those of Acme's `NStepTransitionAdder`,
  including the shorter ones at both ends of an episode.

  Examples:
    >>> from quinoa_acme.data.replay import TransitionReplay
    >>> from quinoa_acme.utils import specs
    >>> number = specs.Array((), np.float32)
    >>> box = specs.BoundedArray((1,), np.float32, -1.0, 1.0)
    >>> spec = specs.EnvironmentSpec(number, box, number, number)
    >>> replay = TransitionReplay(spec, max_size=100, seed=0)
    >>> adder = ReplayAdder(replay)
    >>> adder.add_first(dm_env.restart(observation=0.0))
    >>> adder.add(np.zeros(1), dm_env.termination(1.0, observation=1.0))
    >>> replay.sample(2).reward
    array([1., 1.], dtype=float32)
  """

  def __init__(
    self,
    replay: Inserter,
    num_steps: int = 1,
    discount: float = 1.0,
  ):
    """Makes the adder.

    Args:
      replay: receives the transitions: a `TransitionReplay`, or a
        `reverb_replay.PackedWriter` to a Reverb table.
      num_steps: the environment steps n of a transition: its reward is
        r_0 + g d_0 r_1 + ... + g^(n-1) d_0 ... d_(n-2) r_(n-1), its discount
        g^(n-1) d_0 ... d_(n-1).
      discount: g, the agent's discount; unused with one step.
    """
    self._replay = replay
    self._discount = np.float32(discount)
    self._observation: Any = None
    # The last steps, oldest first.
    self._steps: collections.deque[Step] = collections.deque(maxlen=num_steps)

  def reset(self) -> None:
    """Forgets the episode in progress, once its transitions are in replay.

    Like Acme's adders, it waits for that as long as the table's limiter
    blocks insertion.
    """
    self._observation = None
    self._steps.clear()
    self._replay.flush()

  def resume(
    self, episode: Sequence[dm_env.TimeStep], actions: Iterable[np.ndarray]
  ) -> None:
    """Continues an episode whose transitions so far are in replay.

    Args:
      episode: its time steps, including the first; empty if there is no
        episode.
      actions: the actions between consecutive time steps.
    """
    self.reset()
    if not episode or episode[-1].last():
      return
    self.add_first(episode[0])
    for action, timestep in zip(actions, episode[1:], strict=True):
      self._push(action, timestep)

  def add_first(self, timestep: dm_env.TimeStep) -> None:
    """Starts an episode."""
    if not timestep.first():
      raise ValueError(f'add_first needs a first time step, got {timestep!r}.')
    self.reset()
    # A copy, because an environment may overwrite it with the next one.
    self._observation = nests.own(timestep.observation)

  def add(
    self, action: np.ndarray, next_timestep: dm_env.TimeStep, extras: Any = ()
  ) -> None:
    """Adds the transitions that end with this step."""
    del extras  # No agent's policy returns any.
    if self._observation is None:
      raise ValueError('add was called before add_first.')
    self._push(action, next_timestep)
    self._insert_ended(is_last=next_timestep.last())
    if next_timestep.last():
      self.reset()

  def _push(self, action: np.ndarray, next_timestep: dm_env.TimeStep) -> None:
    self._steps.append(
      Step(
        self._observation,
        *map(nests.own, (action, next_timestep.reward, next_timestep.discount)),
      )
    )
    self._observation = nests.own(next_timestep.observation)

  def _insert_ended(self, is_last: bool) -> None:
    """Inserts the transitions that end with the last step."""
    self._insert()
    while is_last and len(self._steps) > 1:
      self._steps.popleft()
      self._insert()

  def _insert(self) -> None:
    """Inserts the transition that spans all held steps."""
    first, *rest = self._steps
    reward, discount = first.reward, first.discount
    for step in rest:
      discount = self._discount * discount
      reward = reward + discount * step.reward
      discount = discount * step.discount
    self._replay.insert(
      types.Transition(
        observation=first.observation,
        action=first.action,
        reward=reward,
        discount=discount,
        next_observation=self._observation,
      )
    )


class WindowAdder(ReplayAdder):
  """Adds transitions over n steps that keep the steps in between.

  There is one transition for each step. Observation, action and reward are that
  step's; next observation and discount are those n steps later; `extras` hold
  the other steps one by one, as a `transitions.Later`. A transition is added
  when its last step is known. At the end of an episode they are shorter.
  """

  def __init__(self, replay: Inserter, num_steps: int, discount: float):
    """Makes the adder.

    Args:
      replay: receives the transitions; made for windows of `num_steps`.
      num_steps: n, at least 2.
      discount: the agent's discount.
    """
    super().__init__(replay, num_steps, discount)
    self._num_steps = num_steps

  def _insert_ended(self, is_last: bool) -> None:
    if len(self._steps) == self._num_steps:
      self._insert()
      self._steps.popleft()
    while is_last and self._steps:
      self._insert()
      self._steps.popleft()

  def _insert(self) -> None:
    self._replay.insert(
      make_window(
        list(self._steps), self._observation, self._num_steps, self._discount
      )
    )


def make_adder(
  replay: Inserter, num_steps: int, window: int, discount: float
) -> ReplayAdder:
  """Makes the adder for an agent's transitions.

  Args:
    replay: receives the transitions.
    num_steps: number of steps that a transition sums up.
    window: number of steps that it holds one by one.
    discount: the agent's discount.

  Returns:
    A `ReplayAdder`, or a `WindowAdder` for a window of several steps.
  """
  if window > 1:
    return WindowAdder(replay, window, discount)
  return ReplayAdder(replay, num_steps, discount)


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
  """Inserts transitions in batches, as a `reverb_replay.PackedWriter` does."""

  def insert_batch(self, transitions: types.Transition) -> None:
    """Inserts transitions, leaves [N, ...]."""
    ...

  def flush(self) -> None:
    """Waits until the inserted transitions are in replay."""
    ...


class BatchedWindowAdder:
  """Adds the transitions of a `WindowAdder` for each environment.

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
    self._turns: collections.deque[Step] = collections.deque(maxlen=window)
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
      Step(
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
    transitions = make_window(
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
