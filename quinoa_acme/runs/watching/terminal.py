"""Prints what a run says, whatever has become of who reads it.

A reader may be gone (`| head`), a terminal closed, and an encoding may lack a
character. A run is not to end for what it could not say.
"""

import contextlib
import os
import sys
from typing import TextIO

# For encodings that lack them.
_PLAIN = str.maketrans({'±': '+-'})


def say(text: str, stream: TextIO | None = None) -> None:
  """Prints a line at once.

  Args:
    text: the line.
    stream: where to; standard output, as it is now, if not given.
  """
  write(f'{text}\n', sys.stdout if stream is None else stream)


def is_terminal(stream: TextIO | None) -> bool:
  """Whether a stream, which may be closed, is a terminal."""
  try:
    return stream is not None and stream.isatty()
  except ValueError:
    return False


def write(text: str, stream: TextIO | None) -> None:
  """Writes to a stream at once; what nobody can read any more is dropped.

  Args:
    text: as it is to be written.
    stream: standard output, for instance; None where a process has none.
  """
  if stream is None:
    return
  try:
    try:
      stream.write(text)
    except UnicodeEncodeError:
      encoding = stream.encoding or 'ascii'
      plain = text.translate(_PLAIN).encode(encoding, 'backslashreplace')
      stream.write(plain.decode(encoding))
    stream.flush()
  except BlockingIOError:
    pass  # A pipe that is full, and is not to be waited for.
  except (OSError, ValueError):
    # A pipe without a reader, a terminal that is closed, a closed file.
    _lead_nowhere(stream)


def _lead_nowhere(stream: TextIO) -> None:
  """What is left in the stream's buffer would be an error at the very end."""
  with contextlib.suppress(OSError, ValueError):
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
      os.dup2(nowhere, stream.fileno())
    finally:
      os.close(nowhere)
