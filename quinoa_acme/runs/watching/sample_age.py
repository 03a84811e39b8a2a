"""How old the transitions are that a learner receives.

The age of a transition is the number of environment steps, over all actors,
between its own step and its use by the learner. For this, each transition is
stored with the number of steps before it, in place of its priority, which
uniform sampling does not use. In one process this is exact. In a program an
actor knows the other actors' steps as of its last report, at most 50 of its own
steps ago, and the learner knows all of them as of a moment ago.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast, TYPE_CHECKING

import numpy as np

from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import core

if TYPE_CHECKING:
  import reverb

# The columns of a learner's row.
AGE = 'sample_age'
SIZE = 'replay_size'


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


class StampingClient:
  """A Reverb client whose writers store step counts as priorities.

  It sits between an adder and its server, so it works with any agent's adder.
  """

  def __init__(self, client: 'reverb.Client', steps: Callable[[], float]):
    """Wraps `client`; `steps` returns the environment steps made so far."""
    self._client = client
    self._steps = steps

  def __getattr__(self, name: str) -> Any:
    return getattr(self._client, name)

  def trajectory_writer(self, *args: Any, **kwargs: Any) -> Any:
    """As the client's method."""
    writer = self._client.trajectory_writer(*args, **kwargs)
    return _StampingWriter(writer, self._steps)


class _StampingWriter:
  """A writer that stores step counts as priorities."""

  def __init__(self, writer: Any, steps: Callable[[], float]):
    self._writer = writer
    self._steps = steps

  def __getattr__(self, name: str) -> Any:
    return getattr(self._writer, name)

  def create_item(self, table: str, priority: float, trajectory: Any) -> None:
    del priority  # Uniform samplers ignore it.
    self._writer.create_item(table, float(self._steps()), trajectory)
