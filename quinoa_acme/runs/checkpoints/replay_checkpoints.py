"""Checkpoints of a distributed run's replay, written and read by Reverb.

For each checkpoint Reverb writes all its tables into a folder; a file marks the
checkpoint as complete. Inserts and samples stop meanwhile, and Reverb keeps
only one checkpoint. This module limits how often one is made and how large it
is, and keeps several, by links to the files that Reverb would remove.
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

# Reverb's mark of a complete checkpoint.
_DONE = 'DONE'
# Seconds for the last checkpoint, out of those that a node has to leave.
_LAST_SECONDS = 3.0

PathLike = str | os.PathLike[str]


@dataclasses.dataclass(frozen=True)
class NoReplayCheckpoints:
  """A distributed run resumes with an empty replay."""


@dataclasses.dataclass(frozen=True)
class ReplayCheckpoints:
  """A distributed run resumes with the replay of the last checkpoint.

  Attributes:
    every: seconds between checkpoints.
    keep: number of checkpoints to keep.
    max_bytes: no further checkpoint is made once it would be larger.
  """

  every: float = 300.0
  keep: int = 2
  max_bytes: int = 2_000_000_000

  def __post_init__(self):
    validation.check_positive(self, 'every')
    validation.check_whole(self, 'keep', 'max_bytes')


Option = NoReplayCheckpoints | ReplayCheckpoints


def folder_of(workdir: PathLike) -> pathlib.Path:
  """The folder of a run's replay checkpoints."""
  return pathlib.Path(workdir) / 'checkpoints' / 'replay'


def serve(
  make_tables: Callable[[], Sequence['reverb.Table']],
  port: int | None,
  folder: PathLike,
  warn: Callable[[str], None] = logging.warning,
) -> 'reverb.Server':
  """Starts a replay server from the last usable checkpoint.

  If Reverb cannot read a checkpoint, a warning names it, and the one before it
  is tried.

  Args:
    make_tables: makes the tables. A checkpoint's tables replace them, with the
      sizes and limits with which they were saved.
    port: the port to serve at, or None for any.
    folder: the folder of the checkpoints.
    warn: called for each checkpoint that cannot be read.

  Returns:
    The server.

  Raises:
    ValueError: if the port is in use.
  """
  # Reverb imports TensorFlow, which takes seconds; options are read without.
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
        'replay starts empty.'
      )
      for part in (last, kept):
        shutil.rmtree(part / name, ignore_errors=True)


def has_any(workdir: PathLike) -> bool:
  """Whether a run has a complete checkpoint of its replay."""
  folder = folder_of(workdir)
  return bool(_whole(_last(folder)) or _whole(_kept(folder)))


def _first_line(error: Exception) -> str:
  return str(error).partition('\n')[0].rstrip('.')


class Saver:
  """Saves a server's tables, within the limits."""

  def __init__(
    self,
    options: ReplayCheckpoints,
    folder: PathLike,
    warn: Callable[[str], None] = logging.warning,
  ):
    """Makes the saver.

    Args:
      options: the limits.
      folder: the folder of the checkpoints.
      warn: called once, if the replay is too large to save.
    """
    self._warn = warn
    self._has_warned = False
    self._options = options
    self._folder = pathlib.Path(folder)
    # Bytes per item in the last checkpoint.
    self._bytes_per_item = 0.0
    self._seconds_per_item = 0.0

  def run(self, client: 'reverb.Client', stop: threading.Event) -> None:
    """Saves from time to time until the stop, then once more if quick.

    Args:
      client: client of the server.
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
      client: client of the server.
      max_seconds: no checkpoint is made if it would take longer.

    Returns:
      Its folder, or None if there is none because, judged by the last one, it
      would be too large or take too long.
    """
    info = client.server_info()
    num_items = sum(table.current_size for table in info.values())
    size = num_items * self._bytes_per_item
    if size > self._options.max_bytes:
      if not self._has_warned:
        self._has_warned = True
        self._warn(
          f'No further checkpoint of the replay: it would take {size:.2g} '
          f'bytes, and max_bytes is {self._options.max_bytes:.2g}. A resumed '
          'run will have that of the last one; raise max_bytes of '
          'replay_checkpoints to save more.'
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
  """The folder of Reverb's single checkpoint."""
  return pathlib.Path(folder) / 'last'


def _kept(folder: PathLike) -> pathlib.Path:
  """The folder of the kept checkpoints."""
  return pathlib.Path(folder) / 'kept'


def _link(checkpoint: pathlib.Path, folder: pathlib.Path) -> None:
  """Links a checkpoint into another folder, all of it or nothing."""
  aside = folder / f'{checkpoint.name}.tmp'
  shutil.rmtree(aside, ignore_errors=True)
  shutil.copytree(checkpoint, aside, copy_function=_link_or_copy)
  aside.rename(folder / checkpoint.name)


def _link_or_copy(source: str, destination: str) -> None:
  """Links a file, or copies it if the file system has no links."""
  try:
    os.link(source, destination)
  except OSError:
    shutil.copy2(source, destination)


def _whole(folder: PathLike) -> list[pathlib.Path]:
  """The complete checkpoints, oldest first."""
  # Their names are their times.
  return sorted(
    path.parent
    for path in pathlib.Path(folder).glob(f'*/{_DONE}')
    if path.parent.suffix != '.tmp'
  )
