"""Prints a run's messages, whatever has happened to their reader.

A reader may be gone (`| head`), a terminal closed, an encoding may lack a
character. A run must not end because it could not print something.
"""

import contextlib
import os
import sys
from typing import TextIO

# For encodings that lack these characters.
_PLAIN = str.maketrans({'±': '+-'})


def say(text: str, stream: TextIO | None = None) -> None:
  """Prints a line and flushes it.

  Args:
    text: the line.
    stream: the output stream; the current standard output if not given.
  """
  write(f'{text}\n', sys.stdout if stream is None else stream)


def is_terminal(stream: TextIO | None) -> bool:
  """Whether a stream, which may be closed, is a terminal."""
  try:
    return stream is not None and stream.isatty()
  except ValueError:
    return False


def write(text: str, stream: TextIO | None) -> None:
  """Writes to a stream and flushes it; drops what nobody can read any more.

  Args:
    text: the exact text.
    stream: e.g. standard output; None if the process has none.
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
    pass  # A full pipe, which is not waited for.
  except (OSError, ValueError):
    # A pipe without a reader, a closed terminal, a closed file.
    _lead_nowhere(stream)


def _lead_nowhere(stream: TextIO) -> None:
  """Redirects a stream nowhere, or its buffer would raise at the very end."""
  with contextlib.suppress(OSError, ValueError):
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
      os.dup2(nowhere, stream.fileno())
    finally:
      os.close(nowhere)
