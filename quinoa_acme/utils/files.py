"""What a file system may not have, and a run can do without."""

import errno
import os

from absl import logging

# With these nothing was written.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def sync(descriptor: int, path: str | os.PathLike[str]) -> None:
  """Makes what was written outlive a power cut, where that can be had.

  Some file systems have no such call, for folders or at all, and on others it
  fails for a while. What was written can be read all the same: the run goes on,
  after a warning.

  Args:
    descriptor: of an open file or folder.
    path: of the file that it is done for, for the warning.

  Raises:
    OSError: if there is no room left.
  """
  try:
    os.fsync(descriptor)
  except OSError as error:
    if error.errno in _FULL:
      raise
    logging.log_first_n(
      logging.WARNING,
      '%s may not outlive a power cut: fsync says %s. The run goes on.',
      1,
      path,
      error,
    )
