"""Restarts a node's process that was killed, or reports the loss.

Launchpad ends a program when one of its processes ends with a non-zero status,
and ignores one that ends with 0. A program can do without an actor, or the
evaluator, for the seconds that a new one takes to start. Without its learner,
counts or replay it cannot. See docs/decisions/0013-resume.md.
"""

from collections.abc import Callable
import signal
import subprocess
import time

from absl import logging

# A process that dies more often than this within this many seconds is not
# restarted: the cause, such as a lack of memory, would kill the next one too.
_MAX_RESTARTS = 3
_RESTART_SECONDS = 600.0
# The status, for Launchpad, of a process that should not have ended.
_LOST = 1


class SupervisedProcess(subprocess.Popen):
  """A node's process, or the one that replaced it.

  It is a `Popen` because Launchpad watches and signals those. A process that
  ends by itself with an error is not restarted: the error is the program's and
  would only recur.
  """

  def __init__(
    self,
    role: str,
    start: Callable[[], subprocess.Popen],
    can_restart: bool,
  ):
    """Starts the process.

    Args:
      role: the node's name.
      start: starts its process.
      can_restart: whether the program can do without the node for a while.
    """
    # The node's name.
    self.role = role
    self._start = start
    self._can_restart = can_restart
    self._deaths: list[float] = []
    self._process = start()
    # Of the current process.
    self.pid = self._process.pid
    # Whether the program is stopping, when its processes are expected to end.
    self.is_stopping: Callable[[], bool] = lambda: False
    # Why the program must end, if it must.
    self.cause: str | None = None

  def send_signal(self, sig: int) -> None:
    """Sends a signal to the current process."""
    self._process.send_signal(sig)

  def wait(self, timeout: float | None = None) -> int:
    """Like `Popen.wait`; a process that was restarted has not ended.

    Raises:
      subprocess.TimeoutExpired: if a process is running.
    """
    status = self._process.wait(timeout)
    if status > 0 or self.is_stopping():
      return status
    how = _describe(status)
    now = time.monotonic()
    self._deaths = [
      *(then for then in self._deaths if now - then < _RESTART_SECONDS),
      now,
    ]
    if not self._can_restart:
      self.cause = f'The {self.role} {how}.'
    elif len(self._deaths) > _MAX_RESTARTS:
      self.cause = (
        f'The {self.role} {how}, for the {len(self._deaths)}th time within '
        f'{_RESTART_SECONDS / 60:g} min.'
      )
    if self.cause is not None:
      return _LOST
    logging.warning('The %s %s; it is started again.', self.role, how)
    self._process = self._start()
    self.pid = self._process.pid
    raise subprocess.TimeoutExpired(self.role, timeout or 0.0)


def _describe(status: int) -> str:
  if status == 0:
    return 'ended before the program did'
  return f'was killed by {signal.Signals(-status).name}'
