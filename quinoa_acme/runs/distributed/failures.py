"""How a node tells the launcher why it failed.

It writes a file in the workdir. Space for it is reserved when the program
starts, because the reason may be a full disk.
"""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import traceback

from absl import logging

_FILE = 'failure.txt'
# Reserves the space for the file.
_RESERVED_FILE = 'failure.reserved'
_RESERVED_BYTES = 16_384


class ProgramError(RuntimeError):
  """A node failed, and with it the run; says why."""


def clear(workdir: str) -> None:
  """Removes an earlier run's failure, and reserves the space for another."""
  folder = pathlib.Path(workdir)
  folder.mkdir(parents=True, exist_ok=True)
  (folder / _FILE).unlink(missing_ok=True)
  (folder / _RESERVED_FILE).write_bytes(b'\n' * _RESERVED_BYTES)


def close(workdir: str) -> None:
  """Frees the reserved space."""
  (pathlib.Path(workdir) / _RESERVED_FILE).unlink(missing_ok=True)


def read(workdir: str) -> str | None:
  """The first failure that a node wrote, or None."""
  path = pathlib.Path(workdir) / _FILE
  return path.read_text(errors='replace').strip() if path.exists() else None


def write(workdir: str, role: str, error: BaseException) -> None:
  """Writes a failure, if it is the first.

  The first failure is the cause; the failures of its peers follow from it.

  Args:
    workdir: the run's folder.
    role: the node's name.
    error: the exception.
  """
  text = ''.join(traceback.format_exception(error))
  text = f'{text}\nThe {role} failed: {error!r}\n'
  path = pathlib.Path(workdir) / _FILE
  try:
    os.rename(path.with_name(_RESERVED_FILE), path)
  except FileNotFoundError:
    logging.error('The %s failed: %r', role, error)
    return
  with path.open('r+b') as file:
    # The last lines hold the cause.
    file.write(text.encode()[-_RESERVED_BYTES:])
    file.truncate()


@contextlib.contextmanager
def reporting(workdir: str, role: str) -> Iterator[None]:
  """Writes down an exception of the block, then raises it again."""
  try:
    yield
  except Exception as error:
    write(workdir, role, error)
    raise
