"""Turns SIGINT and SIGTERM into a request to stop soon."""

import contextlib
import signal
import threading


class StopRequest:
  """Whether a signal asked the process to stop."""

  def __init__(self):
    self._event = threading.Event()

  def __call__(self) -> bool:
    """Whether a stop was asked for."""
    return self._event.is_set()

  def set(self) -> None:
    """Asks to stop."""
    self._event.set()


@contextlib.contextmanager
def stop_on_signals():
  """Gives a `StopRequest` that the first SIGINT or SIGTERM sets.

  A second signal has its usual effect, for a user who does not want to wait.
  """
  request = StopRequest()
  previous = {}

  def handle(number, frame):
    del frame
    request.set()
    signal.signal(number, previous[number])

  for number in (signal.SIGINT, signal.SIGTERM):
    previous[number] = signal.signal(number, handle)
  try:
    yield request
  finally:
    for number, handler in previous.items():
      signal.signal(number, handler)
