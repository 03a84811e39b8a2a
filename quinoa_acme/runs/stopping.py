"""Turns SIGINT, SIGTERM and SIGHUP into a request to stop soon."""

from collections.abc import Iterator
import contextlib
import signal
import threading
import time

# Windows has none.
_HANG_UP = getattr(signal, 'SIGHUP', None)
# Seconds between two checks while waiting for a stop.
_POLL_SECONDS = 0.05


class StopEvent(threading.Event):
  """An event that a signal handler may set at any moment.

  Python's own event takes a lock to set and to wait. A handler runs in the main
  thread, between any two instructions: during a wait, or inside the handler of
  another signal, it would wait forever for its own thread.

  Examples:
    >>> event = StopEvent()
    >>> event.wait(0.01)
    False
    >>> event.set()
    >>> event.wait()
    True
  """

  def __init__(self):
    super().__init__()
    self._is_set = False

  def is_set(self) -> bool:
    """Whether it is set."""
    return self._is_set

  def set(self) -> None:
    """Sets it, without a lock."""
    self._is_set = True

  def clear(self) -> None:
    """Clears it."""
    self._is_set = False

  def wait(self, timeout: float | None = None) -> bool:
    """Waits until it is set or `timeout` seconds pass; returns whether set."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while not self._is_set:
      left = _POLL_SECONDS
      if deadline is not None:
        left = min(left, deadline - time.monotonic())
      if left <= 0:
        break
      time.sleep(left)
    return self._is_set


class StopRequest:
  """Whether a signal asked the process to stop."""

  def __init__(self):
    self._event = StopEvent()

  def __call__(self) -> bool:
    """Whether a stop was requested."""
    return self._event.is_set()

  def set(self) -> None:
    """Requests a stop."""
    self._event.set()


@contextlib.contextmanager
def hang_up_as_terminate() -> Iterator[None]:
  """Treats SIGHUP as SIGTERM in the block, unless it is ignored.

  Enter it in the main thread, while SIGTERM is handled.
  """

  def handle(number, frame):
    del number, frame
    signal.raise_signal(signal.SIGTERM)

  if _HANG_UP is None:
    yield
    return
  previous = signal.getsignal(_HANG_UP)
  if previous != signal.SIG_IGN:
    signal.signal(_HANG_UP, handle)
  try:
    yield
  finally:
    # None means a handler outside Python.
    signal.signal(_HANG_UP, previous or signal.SIG_DFL)


@contextlib.contextmanager
def stop_on_signals():
  """Yields a `StopRequest` that the first SIGINT, SIGTERM or SIGHUP sets.

  A second signal has its usual effect, for a user who does not want to wait.
  SIGHUP is an exception, because a closing terminal may send it twice. If it is
  ignored, as under nohup, it stays ignored.

  Only Python's main thread can handle signals; in another thread the request is
  never set.
  """
  request = StopRequest()
  previous = {}

  def handle(number, frame):
    del frame
    request.set()
    if number != _HANG_UP:
      signal.signal(number, previous[number])

  if threading.current_thread() is threading.main_thread():
    numbers = [signal.SIGINT, signal.SIGTERM]
    if _HANG_UP is not None and signal.getsignal(_HANG_UP) != signal.SIG_IGN:
      numbers.append(_HANG_UP)
    for number in numbers:
      previous[number] = signal.signal(number, handle)
  try:
    yield request
  finally:
    for number, handler in previous.items():
      signal.signal(number, handler)
