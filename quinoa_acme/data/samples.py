"""From replay to the learner: samples that are read ahead, and their age.

The age of a transition is the number of environment steps, over all actors,
between its own step and its use by the learner. For this, each transition is
stored with the number of steps before it, in place of its priority, which
uniform sampling does not use. In one process this is exact. In a program an
actor knows the other actors' steps as of its last report, at most 50 of its own
steps ago, and the learner knows all of them as of a moment ago.
"""

from collections.abc import Callable, Iterator
import queue
import threading
from typing import Any, cast, TypeVar

import numpy as np

from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import core
from quinoa_acme.utils import resources

# The columns of a learner's row.
AGE = 'sample_age'
SIZE = 'replay_size'
# Seconds in which one who waits for a sample notices that it is to stop.
_POLL_SECONDS = 0.2

T = TypeVar('T')


class SampleAges(Iterator[replay_lib.Sample]):
  """Passes samples on, and knows the age of the last ones."""

  def __init__(self, samples: Iterator[replay_lib.Sample]):
    """Wraps `samples`; their priorities are the steps before each."""
    self._samples = samples
    self._made_before: float | None = None
    self._replay_size = 0
    # The mean age of the last samples, if there were any.
    self.last: float | None = None

  def __next__(self) -> replay_lib.Sample:
    sample = next(self._samples)
    self._made_before = float(np.mean(cast(Any, sample.info.priority)))
    # All samples of a learner call are drawn at about the same time.
    self._replay_size = int(np.max(cast(Any, sample.info.table_size)))
    return sample

  def measure(self, steps: float) -> dict[str, float]:
    """The mean age of the last samples, and the size of the replay.

    Args:
      steps: the environment steps made so far.

    Returns:
      Values by column; empty before the first samples.
    """
    if self._made_before is None:
      return {}
    self.last = max(steps - self._made_before, 0.0)
    return {AGE: self.last, SIZE: self._replay_size}


class AgeLogger(core.Logger):
  """Adds the age of the samples to a learner's rows."""

  def __init__(self, logger: core.Logger, ages: SampleAges):
    """Wraps `logger`; the learner takes its samples from `ages`."""
    self._logger = logger
    self._ages = ages

  def write(self, data: core.LoggingData) -> None:
    """Writes `data` with the further columns."""
    steps = cast(float, data.get('actor_steps', 0))
    self._logger.write({**data, **self._ages.measure(steps)})

  def close(self) -> None:
    """Closes the wrapped logger."""
    self._logger.close()


def _never() -> bool:
  return False


class StoppableIterator(Iterator[T]):
  """Reads ahead of an iterator by one item, and can stop waiting for it.

  The dataset blocks in C++ as long as the replay's limiter holds samples back;
  the learner must be able to leave it and save its state.
  """

  def __init__(self, make_iterator: Callable[[], Iterator[T]]):
    """Starts to read.

    Args:
      make_iterator: makes the iterator, in a separate thread, because that may
        block too.
    """
    self._should_stop: Callable[[], bool] = _never
    self._queue: queue.Queue[Any] = queue.Queue(maxsize=1)
    self._error: Exception | None = None
    self._thread = threading.Thread(
      target=self._read, args=(make_iterator,), name='dataset', daemon=True
    )
    self._thread.start()

  def stop_when(self, should_stop: Callable[[], bool]) -> None:
    """After this, `next` raises StopIteration once `should_stop` is true."""
    self._should_stop = should_stop

  def __next__(self) -> T:
    while not self._should_stop():
      try:
        return self._queue.get(timeout=_POLL_SECONDS)
      except queue.Empty:
        if not self._thread.is_alive() and self._queue.empty():
          if self._error is not None:
            raise self._error from None
          break
    raise StopIteration

  def _read(self, make_iterator: Callable[[], Iterator[T]]) -> None:
    resources.give_way()
    try:
      for item in make_iterator():
        self._queue.put(item)
    except Exception as error:
      self._error = error
