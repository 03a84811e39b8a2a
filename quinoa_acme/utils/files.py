"""File system features that may be missing, and that a run can do without."""

import errno
import os

from absl import logging

# These errors mean that nothing was written.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def sync(descriptor: int, path: str | os.PathLike[str]) -> None:
  """Makes written data survive a power cut, if the file system can.

  Some file systems lack this call, for folders or entirely, and on others it
  fails for a while. The data can still be read, so the run continues, after a
  warning.

  Args:
    descriptor: of an open file or folder.
    path: of the file concerned, for the warning.

  Raises:
    OSError: if the disk is full.
  """
  try:
    os.fsync(descriptor)
  except OSError as error:
    if error.errno in _FULL:
      raise
    logging.log_first_n(
      logging.WARNING,
      '%s may not outlive a power cut: fsync says %s. The run continues.',
      1,
      path,
      error,
    )
