"""What a run has to say on the terminal, from whichever of its processes.

A node of a program prints to a file of its own, which few read. So what a user
must know goes into a file of the run as well, and the launcher prints what
comes to that.
"""

import contextlib
import pathlib

from absl import logging

_FILE = 'notices.log'


def tell(workdir: str, text: str, is_read: bool) -> None:
  """Warns, on the terminal.

  Args:
    workdir: the run's folder.
    text: a line, which says what has happened and what is done about it.
    is_read: whether this is the process of a node, whose notices the launcher
      reads.
  """
  logging.warning('%s', text)
  if is_read:
    # The disk may be full.
    with contextlib.suppress(OSError), _path(workdir).open('a') as file:
      file.write(f'{text}\n')


class Reader:
  """Reads what nodes tell, from now on."""

  def __init__(self, workdir: str):
    """Begins with what comes next."""
    self._path = _path(workdir)
    self._path.parent.mkdir(parents=True, exist_ok=True)
    self._read = self._path.stat().st_size if self._path.exists() else 0

  def read(self) -> list[str]:
    """The lines that were told since the last call."""
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
