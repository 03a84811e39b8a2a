"""Checkpoints of a distributed run's replay, which Reverb writes and reads.

Reverb writes all of its tables into a folder for each checkpoint, and says by a
file that one is whole. It stops inserts and samples meanwhile, and keeps one
checkpoint only. This module bounds how often and how large, and keeps more of
them, by links to the files that Reverb would remove.
"""

from collections.abc import Callable, Sequence
import dataclasses
import os
import pathlib
import shutil
import threading
import time
from typing import TYPE_CHECKING

from absl import logging

from quinoa_acme.utils import validation

if TYPE_CHECKING:
  import reverb

# Reverb's sign of a checkpoint that is whole.
_DONE = 'DONE'
# Seconds that the last checkpoint may take, of those that a node has to leave.
_LAST_SECONDS = 3.0

PathLike = str | os.PathLike[str]


@dataclasses.dataclass(frozen=True)
class NoReplayCheckpoints:
  """A distributed run that goes on begins with an empty replay."""


@dataclasses.dataclass(frozen=True)
class ReplayCheckpoints:
  """A distributed run that goes on has the replay of the last checkpoint.

  Attributes:
    every: seconds between checkpoints.
    keep: how many are kept.
    max_bytes: there is no further checkpoint once it would be larger.
  """

  every: float = 300.0
  keep: int = 2
  max_bytes: int = 2_000_000_000

  def __post_init__(self):
    validation.check_positive(self, 'every')
    validation.check_whole(self, 'keep', 'max_bytes')


Option = NoReplayCheckpoints | ReplayCheckpoints


def folder_of(workdir: PathLike) -> pathlib.Path:
  """Where a run's checkpoints of replay are."""
  return pathlib.Path(workdir) / 'checkpoints' / 'replay'


def serve(
  make_tables: Callable[[], Sequence['reverb.Table']],
  port: int | None,
  folder: PathLike,
  warn: Callable[[str], None] = logging.warning,
) -> 'reverb.Server':
  """Starts a replay server from the last checkpoint that can be used.

  A checkpoint that Reverb cannot read is named in a warning, and the one before
  it is tried.

  Args:
    make_tables: makes the tables. Those of a checkpoint take their place, with
      the sizes and limits that they were saved with.
    port: to serve at, or None for any.
    folder: where the checkpoints are.
    warn: is told of checkpoints that can not be read.

  Returns:
    The server.

  Raises:
    ValueError: if the port is in use.
  """
  # With Reverb comes TensorFlow, in seconds; options are read without them.
  import reverb

  last, kept = _last(folder), _kept(folder)
  for part in (last, kept):
    part.mkdir(parents=True, exist_ok=True)
  while True:
    if not _whole(last) and (others := _whole(kept)):
      _link(others[-1], last)
    found = _whole(last)[-1:]
    try:
      return reverb.Server(
        make_tables(),
        port,
        reverb.checkpointers.DefaultCheckpointer(os.fspath(last)),
      )
    except RuntimeError as error:
      if not found:
        raise
      name = found[0].name
      warn(
        f'Skipping the checkpoint of the replay {found[0]}: it is torn '
        f'({_first_line(error)}). The one before it is tried; without one, the '
        'replay begins empty.'
      )
      for part in (last, kept):
        shutil.rmtree(part / name, ignore_errors=True)


def has_any(workdir: PathLike) -> bool:
  """Whether a run has a checkpoint of its replay that Reverb called whole."""
  folder = folder_of(workdir)
  return bool(_whole(_last(folder)) or _whole(_kept(folder)))


def _first_line(error: Exception) -> str:
  return str(error).partition('\n')[0].rstrip('.')


class Saver:
  """Saves a server's tables, within the bounds."""

  def __init__(
    self,
    options: ReplayCheckpoints,
    folder: PathLike,
    warn: Callable[[str], None] = logging.warning,
  ):
    """Makes the saver.

    Args:
      options: the bounds.
      folder: where the checkpoints are.
      warn: is told, once, of a replay that is too large to be saved.
    """
    self._warn = warn
    self._has_warned = False
    self._options = options
    self._folder = pathlib.Path(folder)
    # What the last checkpoint took for each item.
    self._bytes_per_item = 0.0
    self._seconds_per_item = 0.0

  def run(self, client: 'reverb.Client', stop: threading.Event) -> None:
    """Saves now and then until the stop, and then once more if that is quick.

    Args:
      client: of the server.
      stop: set when it is time to leave.
    """
    while not stop.wait(self._options.every):
      self.save(client)
    self.save(client, max_seconds=_LAST_SECONDS)

  def save(
    self, client: 'reverb.Client', max_seconds: float = float('inf')
  ) -> pathlib.Path | None:
    """Writes a checkpoint and removes the oldest ones.

    Args:
      client: of the server.
      max_seconds: there is no checkpoint if it would take longer.

    Returns:
      Where it is kept, or None if there is none: it would be too large or take
      too long, by what the last one took.
    """
    info = client.server_info()
    num_items = sum(table.current_size for table in info.values())
    size = num_items * self._bytes_per_item
    if size > self._options.max_bytes:
      if not self._has_warned:
        self._has_warned = True
        self._warn(
          f'No further checkpoint of the replay: it would take {size:.2g} '
          f'bytes, and max_bytes is {self._options.max_bytes:.2g}. A run that '
          'goes on has that of the last one; raise max_bytes of '
          'replay_checkpoints to have more.'
        )
      return None
    if num_items * self._seconds_per_item > max_seconds:
      return None
    started = time.monotonic()
    folder = pathlib.Path(client.checkpoint())
    seconds = time.monotonic() - started
    size = sum(x.stat().st_size for x in folder.rglob('*') if x.is_file())
    self._bytes_per_item = size / max(num_items, 1)
    self._seconds_per_item = seconds / max(num_items, 1)
    kept = _kept(self._folder)
    _link(folder, kept)
    for old in _whole(kept)[: -self._options.keep]:
      shutil.rmtree(old)
    return kept / folder.name


def _last(folder: PathLike) -> pathlib.Path:
  """Where Reverb has its one checkpoint."""
  return pathlib.Path(folder) / 'last'


def _kept(folder: PathLike) -> pathlib.Path:
  """Where those are that are kept."""
  return pathlib.Path(folder) / 'kept'


def _link(checkpoint: pathlib.Path, folder: pathlib.Path) -> None:
  """Puts a checkpoint into another folder too, all of it or nothing."""
  aside = folder / f'{checkpoint.name}.tmp'
  shutil.rmtree(aside, ignore_errors=True)
  shutil.copytree(checkpoint, aside, copy_function=_link_or_copy)
  aside.rename(folder / checkpoint.name)


def _link_or_copy(source: str, destination: str) -> None:
  """Links a file, or copies it where the file system has no links."""
  try:
    os.link(source, destination)
  except OSError:
    shutil.copy2(source, destination)


def _whole(folder: PathLike) -> list[pathlib.Path]:
  """The checkpoints that are whole, the oldest first."""
  # They are named by their time.
  return sorted(
    path.parent
    for path in pathlib.Path(folder).glob(f'*/{_DONE}')
    if path.parent.suffix != '.tmp'
  )
