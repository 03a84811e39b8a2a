"""How long a process could run, which no clock tells.

A process may be stopped with all its threads: by Ctrl-Z, a debugger, a closed
laptop. Clocks continue meanwhile, so code that waits by a clock would mistake
the stop for time that something else has used.
"""

import time


class RunningTime:
  """Seconds in which this process could run, as of the last look.

  Examples:
    >>> running_time = RunningTime(longest_gap=0.5)
    >>> running_time.look() < 0.5
    True
  """

  def __init__(self, longest_gap: float):
    """Starts at 0.

    Args:
      longest_gap: seconds. A longer gap between two looks means that the
        process was stopped. Take a few times the normal gap.
    """
    self._longest_gap = longest_gap
    self._looked = time.monotonic()
    # As of the last look. Other threads may read it.
    self.seconds = 0.0

  def look(self) -> float:
    """Counts the time since the last look; returns the total."""
    now = time.monotonic()
    self.seconds += min(now - self._looked, self._longest_gap)
    self._looked = now
    return self.seconds
