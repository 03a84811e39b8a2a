"""How old the transitions are that a learner is given.

The age of a transition is the number of environment steps, over all actors,
that were made after it until the learner takes it. For that each transition is
stored with the steps that were made before it, in the place of its priority,
which uniform sampling does not read. In one process it is exact; in a program
an actor knows the steps of the others from its last report, at most 50 of its
own ago, and the learner knows all of them from a moment ago.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

from acme.utils.loggers import base as loggers_base
import numpy as np
import reverb

# The columns of a learner's row.
AGE = 'sample_age'
SIZE = 'replay_size'


class SampleAges(Iterator[reverb.ReplaySample]):
  """Passes samples on, and knows how old the last were."""

  def __init__(self, samples: Iterator[reverb.ReplaySample]):
    """Wraps `samples`, whose priorities are the steps made before each."""
    self._samples = samples
    self._made_before: float | None = None
    self._replay_size = 0
    # The mean age of the last samples, once there were any.
    self.last: float | None = None

  def __next__(self) -> reverb.ReplaySample:
    sample = next(self._samples)
    self._made_before = float(np.mean(cast(Any, sample.info.priority)))
    # All of a learner call are drawn at about one time.
    self._replay_size = int(np.max(cast(Any, sample.info.table_size)))
    return sample

  def measure(self, steps: float) -> dict[str, float]:
    """The mean age of the last samples, and the size of the replay.

    Args:
      steps: the environment steps made so far.

    Returns:
      By column; nothing before the first samples.
    """
    if self._made_before is None:
      return {}
    self.last = max(steps - self._made_before, 0.0)
    return {AGE: self.last, SIZE: self._replay_size}


class AgeLogger(loggers_base.Logger):
  """Adds to a learner's rows how old the samples were."""

  def __init__(self, logger: loggers_base.Logger, ages: SampleAges):
    """Wraps `logger`; `ages` is what the learner takes its samples from."""
    self._logger = logger
    self._ages = ages

  def write(self, data: loggers_base.LoggingData) -> None:
    """Writes `data`, with more columns."""
    steps = cast(float, data.get('actor_steps', 0))
    self._logger.write({**data, **self._ages.measure(steps)})

  def close(self) -> None:
    """Closes the wrapped logger."""
    self._logger.close()


class StampingClient:
  """A client of Reverb's whose writers store steps as priorities.

  It stands between any adder and its server, so that it does not matter which
  agent's adder that is.
  """

  def __init__(self, client: reverb.Client, steps: Callable[[], float]):
    """Wraps `client`; `steps` gives the environment steps made so far."""
    self._client = client
    self._steps = steps

  def __getattr__(self, name: str) -> Any:
    return getattr(self._client, name)

  def trajectory_writer(self, *args: Any, **kwargs: Any) -> Any:
    """As the client's."""
    writer = self._client.trajectory_writer(*args, **kwargs)
    return _StampingWriter(writer, self._steps)


class _StampingWriter:
  """A writer that stores steps as priorities."""

  def __init__(self, writer: Any, steps: Callable[[], float]):
    self._writer = writer
    self._steps = steps

  def __getattr__(self, name: str) -> Any:
    return getattr(self._writer, name)

  def create_item(self, table: str, priority: float, trajectory: Any) -> None:
    del priority  # Uniform samplers do not read it.
    self._writer.create_item(table, float(self._steps()), trajectory)
