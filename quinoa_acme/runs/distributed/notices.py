"""Notices of a run for the terminal, from any of its processes.

A node of a program prints to its own file, which few people read. So what a
user must know also goes into a file of the run, and the launcher prints what is
added there.
"""

import contextlib
import pathlib

from absl import logging

_FILE = 'notices.log'


def tell(workdir: str, text: str, is_read: bool) -> None:
  """Warns on the terminal.

  Args:
    workdir: the run's folder.
    text: a line that says what has happened and what is done about it.
    is_read: whether this is a node's process, whose notices the launcher
      reads.
  """
  logging.warning('%s', text)
  if is_read:
    # The disk may be full.
    with contextlib.suppress(OSError), _path(workdir).open('a') as file:
      file.write(f'{text}\n')


class Reader:
  """Reads the nodes' notices from now on."""

  def __init__(self, workdir: str):
    """Starts reading at the end of the file."""
    self._path = _path(workdir)
    self._path.parent.mkdir(parents=True, exist_ok=True)
    self._read = self._path.stat().st_size if self._path.exists() else 0

  def read(self) -> list[str]:
    """The lines written since the last call."""
    if not self._path.exists():
      return []
    with self._path.open('rb') as file:
      file.seek(self._read)
      content = file.read()
    whole = content[: content.rfind(b'\n') + 1]
    self._read += len(whole)
    return whole.decode(errors='replace').splitlines()


def _path(workdir: str) -> pathlib.Path:
  return pathlib.Path(workdir) / 'logs' / _FILE
