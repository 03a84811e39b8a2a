"""Replay in the memory of one process, sampled with a seed.

The distributed program keeps its replay in Reverb. Reverb's samplers use an
unseeded generator and prefetch in their own threads, so no two runs are equal.
A run in one process shares its replay with nobody, and uses this one instead.
See docs/decisions/0013-resume.md.
"""

import collections
from collections.abc import Iterable, Iterator, Sequence
import json
import os
import pathlib
from typing import Any, NamedTuple, Protocol

import dm_env
import numpy as np

from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import nests


class Sample(Protocol):
  """A sample of a dataset: a `ReplaySample`, or Reverb's."""

  @property
  def info(self) -> Any:
    """What is known of each transition; see `SampleInfo`."""
    ...

  @property
  def data(self) -> Any:
    """The transitions, leaves [N, ...]."""
    ...


class SampleInfo(NamedTuple):
  """What is known of N sampled transitions; as `reverb.SampleInfo`.

  Attributes:
    key: identifies each, [N].
    probability: of each being sampled, [N].
    table_size: the transitions in replay, [N].
    priority: of each, [N]; see `TransitionReplay.as_iterator`.
  """

  key: Any
  probability: Any
  table_size: Any
  priority: Any


class ReplaySample(NamedTuple):
  """Sampled transitions, with `info` of each; as `reverb.ReplaySample`."""

  info: Any
  data: Any


# No part of Quinoa reads it.
_NO_INFO = SampleInfo(None, None, None, None)


class ReplayState(NamedTuple):
  """A replay as plain arrays.

  Attributes:
    columns: the transitions' leaves, each [num_rows, ...].
    num_inserted: transitions inserted so far, dropped ones included.
    rng: the sampler's random state, as JSON.
  """

  columns: list[Any]
  num_inserted: int
  rng: str


def as_sample(transitions: types.NestedArray) -> ReplaySample:
  """Wraps a `Transition`, leaves [N, ...], as a sample of a dataset."""
  return ReplaySample(_NO_INFO, transitions)


def read_action_repeat(path: str | os.PathLike[str]) -> int:
  """Reads the action repeat of a file of `TransitionReplay.save`.

  Args:
    path: the file.

  Returns:
    The frames of the environment in a transition's step; 1 if the file is from
    a version that did not write it.

  Raises:
    FileNotFoundError: if there is no such file.
  """
  # Opened here, because np.load leaves a torn archive open.
  with open(path, 'rb') as raw, np.load(raw, allow_pickle=False) as file:
    return int(file['action_repeat']) if 'action_repeat' in file else 1


class TransitionReplay:
  """The last `max_size` transitions, sampled uniformly with replacement."""

  def __init__(
    self,
    spec: types.EnvironmentSpec,
    max_size: int,
    seed: int,
    window: int = 1,
  ):
    """Makes an empty replay.

    Args:
      spec: the environment's specs; arrays keep their dtypes.
      max_size: number of transitions to keep; the oldest are dropped first.
      seed: for sampling.
      window: number of steps that a transition holds one by one, as in
        `WindowAdder`.
    """
    self._max_size = max_size
    self._rng = np.random.default_rng(seed)
    self._num_inserted = 0
    self._nest = nests.Nest(transitions_lib.make_spec(spec, window))
    # The operating system allocates an empty array only as it is written.
    self._columns = [
      np.empty((max_size, *leaf.shape), leaf.dtype)
      for leaf in self._nest.leaves
    ]

  @classmethod
  def load(
    cls, path: str | os.PathLike[str], spec: types.EnvironmentSpec, seed: int
  ) -> 'TransitionReplay':
    """Loads a file of `save` into a replay of that size, with a new seed.

    Args:
      path: the file.
      spec: the environment's specs.
      seed: for sampling.

    Returns:
      The replay.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the specs of its transitions differ.
    """
    # Opened here, because np.load leaves a torn archive open.
    with open(path, 'rb') as raw, np.load(raw, allow_pickle=False) as file:
      num_rows = len(file['column_0'])
    replay = cls(spec, num_rows, seed)
    replay.restore(path)
    replay._rng = np.random.default_rng(seed)
    return replay

  @property
  def num_inserted(self) -> int:
    """Transitions inserted so far, dropped ones included."""
    return self._num_inserted

  def __len__(self) -> int:
    return min(self._num_inserted, self._max_size)

  def insert(self, transition: types.Transition) -> None:
    """Adds one transition, its leaves without a batch dimension.

    Raises:
      ValueError: if it does not match the environment's specs.
    """
    # Check all leaves before the first is written.
    values = self._nest.flatten(transition)
    index = self._num_inserted % self._max_size
    for column, value in zip(self._columns, values, strict=True):
      column[index] = value
    self._num_inserted += 1

  def flush(self) -> None:
    """Does nothing: inserted transitions can be sampled at once."""

  def sample(self, num_transitions: int) -> types.Transition:
    """Draws transitions; leaves [num_transitions, ...].

    Raises:
      ValueError: if replay is empty.
    """
    return self._take(self._draw(num_transitions))

  def _draw(self, num_transitions: int) -> np.ndarray:
    """Random rows, int64 [num_transitions]."""
    if not self._num_inserted:
      raise ValueError('Replay is empty: insert a transition before sampling.')
    return self._rng.integers(len(self), size=num_transitions)

  def _take(self, rows: np.ndarray) -> types.Transition:
    return self._nest.unflatten([column[rows] for column in self._columns])

  def _inserted_before(self, rows: np.ndarray) -> np.ndarray:
    """Number of transitions inserted before each of the rows', [N]."""
    last = self._num_inserted - 1
    return last - (last - rows) % self._max_size

  def state(self) -> ReplayState:
    """The transitions, not copied, and the sampler's random state."""
    return ReplayState(
      columns=[x[: len(self)] for x in self._columns],
      num_inserted=self._num_inserted,
      rng=json.dumps(self._rng.bit_generator.state),
    )

  def state_like(self) -> ReplayState:
    """The structure of a state, for `checkpointing`."""
    return ReplayState(
      columns=[checkpointing.Rows(x.shape[1:], x.dtype) for x in self._columns],
      num_inserted=0,
      rng='',
    )

  def set_state(self, state: ReplayState, source: str) -> None:
    """Resumes from a state.

    Args:
      state: the result of `state`.
      source: where it comes from, for the error message.

    Raises:
      ValueError: if it is from a replay of another size or with other specs.
    """
    rows = min(state.num_inserted, self._max_size)
    for column, saved in zip(self._columns, state.columns, strict=True):
      expected = (rows, *column.shape[1:])
      if saved.shape != expected or saved.dtype != column.dtype:
        raise ValueError(
          f'{source} holds transitions with {saved.dtype}{saved.shape}, but '
          f'{column.dtype}{expected} is expected: it is from another replay. '
          'Give the run another workdir.'
        )
    for column, saved in zip(self._columns, state.columns, strict=True):
      column[:rows] = saved
    self._rng.bit_generator.state = json.loads(state.rng)
    self._num_inserted = state.num_inserted

  def save(self, path: str | os.PathLike[str], action_repeat: int = 1) -> None:
    """Writes the transitions and the sampler's random state, atomically.

    The file is a NumPy archive of plain arrays. A reader sees the old file or
    the new one, never part of one.

    Args:
      path: the file.
      action_repeat: of the environment; `read_action_repeat` gives it.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = self.state()
    arrays = {f'column_{i}': x for i, x in enumerate(state.columns)}
    aside = path.with_suffix('.tmp')
    with aside.open('wb') as file:
      np.savez(
        file,
        num_inserted=state.num_inserted,
        rng=np.array(state.rng),
        action_repeat=action_repeat,
        **arrays,
      )
    os.replace(aside, path)

  def restore(self, path: str | os.PathLike[str]) -> None:
    """Resumes from a file of `save`.

    Raises:
      ValueError: if the file is from a replay of another size or other specs.
    """
    # Opened here, because np.load leaves a torn archive open.
    with open(path, 'rb') as raw, np.load(raw, allow_pickle=False) as file:
      num_columns = len(self._columns)
      state = ReplayState(
        columns=[file[f'column_{i}'] for i in range(num_columns)],
        num_inserted=int(file['num_inserted']),
        rng=str(file['rng']),
      )
    self.set_state(state, os.fspath(path))

  def as_iterator(self, num_transitions: int) -> Iterator[ReplaySample]:
    """Yields samples in the form of a Reverb dataset.

    Priorities mean nothing here. Their field holds, for each transition, the
    number of transitions inserted before it, which `sample_age` uses.
    """
    while True:
      rows = self._draw(num_transitions)
      info = SampleInfo(
        key=rows,
        probability=np.full(len(rows), 1 / len(self)),
        table_size=np.full(len(rows), len(self)),
        priority=self._inserted_before(rows).astype(np.float64),
      )
      yield ReplaySample(info, self._take(rows))


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
        `packing.PackedWriter` to a Reverb table.
      num_steps: the environment steps n of a transition: its reward is
        r_0 + g d_0 r_1 + ... + g^(n-1) d_0 ... d_(n-2) r_(n-1), its discount
        g^(n-1) d_0 ... d_(n-1).
      discount: g, the agent's discount; unused with one step.
    """
    self._replay = replay
    self._discount = np.float32(discount)
    self._observation: Any = None
    # The last steps, oldest first.
    self._steps: collections.deque[transitions_lib.Step] = collections.deque(
      maxlen=num_steps
    )

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
      transitions_lib.Step(
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
      transitions_lib.make_window(
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
