"""How long a process could run, which no clock tells.

A process may be stopped, with all of its threads: by Ctrl-Z, by a debugger, by
a laptop that is closed. Clocks go on meanwhile, and what waited by one would
take the stop for time that something else has taken.
"""

import time


class RunningTime:
  """Seconds that this process could run, as far as it was looked at.

  Examples:
    >>> running_time = RunningTime(longest_gap=0.5)
    >>> running_time.look() < 0.5
    True
  """

  def __init__(self, longest_gap: float):
    """Starts at 0.

    Args:
      longest_gap: seconds; of more than these between two looks the process is
        taken to have been stopped. A few times what is meant to be between.
    """
    self._longest_gap = longest_gap
    self._looked = time.monotonic()
    # As of the last look. Other threads may read it.
    self.seconds = 0.0

  def look(self) -> float:
    """Counts the time since the last look; gives all of it."""
    now = time.monotonic()
    self.seconds += min(now - self._looked, self._longest_gap)
    self._looked = now
    return self.seconds
