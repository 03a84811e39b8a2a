"""Replay in the memory of one process, sampled with a seed.

The distributed program keeps its replay in Reverb. Reverb's samplers use an
unseeded generator and prefetch in their own threads, so no two runs are equal.
A run in one process shares its replay with nobody, and uses this one instead.
See docs/decisions/0013-resume.md.
"""

from collections.abc import Iterator, Mapping
import contextlib
import json
import os
import pathlib
from typing import Any, NamedTuple, Protocol
import zipfile
import zlib

import numpy as np

from quinoa_acme.compat import old_names
from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import common_types as types
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
    ValueError: if it is no whole file of that kind.
  """
  with _open(path) as file:
    return int(file['action_repeat']) if 'action_repeat' in file else 1


@contextlib.contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[Mapping[str, np.ndarray]]:
  """Opens a file of `TransitionReplay.save`.

  Raises:
    FileNotFoundError: if there is no such file.
    ValueError: if it is no whole file of that kind.
  """
  # Opened here, because np.load leaves a torn archive open.
  with open(path, 'rb') as raw:
    # A file of another kind is to NumPy a pickle, which is not read.
    if not zipfile.is_zipfile(raw):
      raise ValueError(
        f'{os.fspath(path)} is no whole .npz file of transitions.'
      )
    raw.seek(0)
    try:
      with np.load(raw, allow_pickle=False) as file:
        yield file
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
      raise ValueError(
        f'{os.fspath(path)} is no whole file of transitions: {error}'
      ) from error


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
        `adders.WindowAdder`.
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
      ValueError: if it is no whole file of that kind, or the specs of its
        transitions differ.
    """
    with _open(path) as file:
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
    with _open(path) as file:
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
    number of transitions inserted before it, which `samples` uses.
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


__getattr__ = old_names.attach(
  __name__,
  dict.fromkeys(
    ('Inserter', 'ReplayAdder', 'WindowAdder', 'make_adder'),
    'quinoa_acme.data.adders',
  ),
)
