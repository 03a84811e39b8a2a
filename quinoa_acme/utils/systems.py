"""What not every operating system has: locks of files, chosen cores.

Each function says what it does where the system lacks it. For the doctor, this
file parses on Python 3.7 and imports only the standard library.
"""

import contextlib
import errno
import os

try:
  import fcntl
except ImportError:  # Windows has none.
  fcntl = None


def usable_cores():
  """The numbers of the cores that this process may use.

  Returns:
    A list in ascending order; all cores where a process cannot be limited to
    some, as on macOS and Windows.
  """
  if hasattr(os, 'sched_getaffinity'):
    return sorted(os.sched_getaffinity(0))
  return list(range(os.cpu_count() or 1))


def keep_to_core(pid, core):
  """Limits a process to a core, where the system can; otherwise does nothing.

  Args:
    pid: the process.
    core: one of `usable_cores`.
  """
  if hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(pid, {core})


def has_locks():
  """Whether this system has locks of files."""
  return fcntl is not None


def lock(file, shared=False, wait=False):
  """Locks an open file against other processes, until it is closed.

  A child process that inherits the file holds the lock too.

  Args:
    file: a file, or a descriptor of one or of a folder.
    shared: whether others may hold it likewise.
    wait: whether to wait for the others.

  Raises:
    BlockingIOError: if another process holds it, and it is not waited for.
    OSError: if the file system has no locks, or as on Windows the system.
  """
  if fcntl is None:
    raise OSError(errno.ENOSYS, 'This system has no flock')
  how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
  fcntl.flock(file, how if wait else how | fcntl.LOCK_NB)


def unlock(file):
  """Unlocks a file, also for the child processes that inherited it."""
  if fcntl is not None:
    fcntl.flock(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def folder_locked(folder, shared=False, wait=False):
  """Locks a folder against other processes during the block.

  Args:
    folder: its path.
    shared: as for `lock`.
    wait: as for `lock`.

  Yields:
    A descriptor, which child processes may inherit; None where the system has
    no locks: nothing keeps others out there.

  Raises:
    BlockingIOError: if another process holds it, and it is not waited for.
    OSError: if there is no such folder, or its file system has no locks.
  """
  if fcntl is None:
    os.stat(folder)
    yield None
    return
  descriptor = os.open(folder, os.O_RDONLY)
  try:
    lock(descriptor, shared, wait)
    yield descriptor
  finally:
    os.close(descriptor)
