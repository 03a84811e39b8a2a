"""Waits of the tests: for events, within limits that only a hang comes to."""

from collections.abc import Callable
import os
import time

# Seconds; far more than anything here takes on a machine that is busy.
LIMIT = 600.0


def wait_until(
  condition: Callable[[], object], what: str, limit: float = LIMIT
) -> None:
  """Waits until something is so, and fails if it never is."""
  deadline = time.monotonic() + limit
  while not condition():
    assert time.monotonic() < deadline, f'waited in vain for {what}'
    time.sleep(0.05)


def allowed(seconds: float) -> float:
  """What may take so long on a quiet machine may take on this one.

  With eight others that want to compute, each core turns to it once in a few
  times.
  """
  load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
  return seconds * max(1.0, 3.0 * load)
