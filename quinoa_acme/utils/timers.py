"""What is done every so many seconds."""

import time


class Timer:
  """Knows whether a number of seconds has passed since its last start.

  Examples:
    >>> timer = Timer(600.0)
    >>> timer.is_over()
    False
  """

  def __init__(self, seconds: float, is_over: bool = False):
    """Starts.

    Args:
      seconds: after how many it is over.
      is_over: whether it is over from the beginning, until its next start.
    """
    self._seconds = seconds
    self._end = -float('inf') if is_over else time.monotonic() + seconds

  def is_over(self) -> bool:
    """Whether the time has passed."""
    return time.monotonic() >= self._end

  def restart(self) -> None:
    """Begins anew, from now."""
    self._end = time.monotonic() + self._seconds
