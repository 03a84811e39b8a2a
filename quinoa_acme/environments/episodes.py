"""Episodes in progress, and the counts of the acting loop."""

from collections.abc import Mapping, Sequence
import time
from typing import Any

from absl import logging
import dm_env

from quinoa_acme.environments import checked
from quinoa_acme.utils import core
from quinoa_acme.utils import counting


class Episode:
  """An environment, and the record of its current episode.

  Attributes:
    timestep: the last time step; None if the next step begins an episode.
    rewards: of each step of the episode, including those before a `resume`.
    steps_before: the loop's steps before the episode.
    started: when the episode was started or resumed, in seconds.
  """

  def __init__(self, environment: dm_env.Environment):
    """Starts with no episode in progress."""
    self._environment = checked.wrap(environment)
    self.timestep: dm_env.TimeStep | None = None
    self.forget()

  def forget(self, steps_before: int = 0) -> None:
    """Abandons the current episode; the next step begins a new one."""
    self.timestep = None
    self.rewards: list[float] = []
    self.steps_before = steps_before
    self.started = time.monotonic()

  def resume(self, episode: Sequence[dm_env.TimeStep], steps: int) -> None:
    """Continues an episode that was begun earlier.

    Args:
      episode: its time steps so far, including the first; empty to begin a new
        episode with the next step.
      steps: the loop's steps so far.
    """
    self.forget(steps)
    self.timestep = episode[-1] if episode else None
    self.rewards = [float(timestep.reward) for timestep in episode[1:]]

  def begin(self, steps: int) -> dm_env.TimeStep:
    """Starts a new episode, after this many steps of the loop."""
    self.forget(steps)
    timestep = self._environment.reset()
    self.timestep = timestep
    return timestep

  def step(self, action: Any) -> dm_env.TimeStep:
    """Takes a step.

    Args:
      action: for the environment.

    Returns:
      The next time step.

    Raises:
      ValueError: if it does not match the environment's specs, or is not
        finite.
    """
    timestep = self._environment.step(action)
    self.rewards.append(float(timestep.reward))
    self.timestep = timestep
    return timestep


class Tally:
  """Counts a loop's steps, and logs its episodes.

  Attributes:
    steps: the loop's steps so far.
    last_return: return of the last complete episode, if there was one.
  """

  def __init__(
    self,
    counter: counting.AnyCounter | None,
    logger: core.Logger | None,
    steps_between_reports: int,
  ):
    """Starts at the counter's counts.

    Args:
      counter: receives `steps` and `episodes`; it may be in another process.
      logger: receives a row at the end of each episode.
      steps_between_reports: steps between two reports to the counter; it also
        reports at the end of each episode.
    """
    self._counter = counter or counting.Counter()
    self._logger = logger or core.NoOpLogger()
    self._steps_between_reports = steps_between_reports
    # All counts at the last report, and the steps since then.
    self._counts: Mapping[str, float] = self._counter.get_counts()
    self._unreported = 0
    self.steps = 0
    self.last_return: float | None = None

  @property
  def steps_so_far(self) -> float:
    """The steps of all actors, as far as this process knows."""
    return self._counts.get('actor_steps', 0) + self._unreported

  def add_step(self) -> None:
    """Counts a step."""
    self.steps += 1
    self._unreported += 1

  def look_at(self, episode: Episode) -> None:
    """Reports and logs what is due after a step of the episode."""
    timestep = episode.timestep
    ended = timestep is not None and timestep.last()
    if ended or self._unreported >= self._steps_between_reports:
      self.report(int(ended))
      if ended:
        self._log(episode)

  def report(self, episodes: int = 0) -> None:
    """Reports the steps since the last report, and this many episodes."""
    if not (self._unreported or episodes):
      return
    steps, self._unreported = self._unreported, 0
    self._counts = self._counter.increment(steps=steps, episodes=episodes)

  def _log(self, episode: Episode) -> None:
    self.last_return = sum(episode.rewards)
    seconds = time.monotonic() - episode.started
    steps = self.steps - episode.steps_before
    self._logger.write(
      {
        'episode_length': len(episode.rewards),
        'episode_return': self.last_return,
        'steps_per_second': steps / max(seconds, 1e-9),
        **self._counts,
      }
    )


def close(environment: dm_env.Environment) -> None:
  """Closes an environment that is no longer needed.

  If closing fails, the environment has still done its work, so the run goes on.
  """
  try:
    environment.close()
  except Exception as error:
    logging.log_first_n(
      logging.WARNING,
      'An environment cannot be closed: %r. What it holds may stay in use; '
      'the run continues.',
      1,
      error,
    )
