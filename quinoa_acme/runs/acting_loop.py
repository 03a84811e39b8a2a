"""The loop between an actor and its environment, counted step by step.

Acme's `EnvironmentLoop` runs whole episodes and counts at their ends. A run of
an exact number of steps, and a stop that need not wait for an episode's end,
require a loop that can be left and reentered between any two steps.
"""

import abc
from collections.abc import Callable, Mapping, Sequence
import time
from typing import Any

import dm_env
import numpy as np

from quinoa_acme.agents.common import actors
from quinoa_acme.environments import checked
from quinoa_acme.utils import core
from quinoa_acme.utils import counting

# Steps between two reports to the counter, which may be in another process.
_STEPS_BETWEEN_COUNTS = 50


def never() -> bool:
  """A stop condition that never holds."""
  return False


def never_over(num_steps: int) -> bool:
  """A limit that never ends an episode."""
  del num_steps
  return False


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
    # Of one that steps together with others; see `gymnasium_vector`.
    self._send = getattr(self._environment, 'send', None)
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

  def send(self, action: Any) -> None:
    """Hands on the action of the next step, if others step with this one."""
    if self._send is not None:
      self._send(action)

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


class _Loop(abc.ABC):
  """Acts, and counts steps and episodes."""

  def __init__(
    self,
    counter: counting.AnyCounter | None,
    logger: core.Logger | None,
    steps_between_counts: int,
  ):
    self._tally = Tally(counter, logger, steps_between_counts)

  @property
  def last_return(self) -> float | None:
    """The return of the last complete episode."""
    return self._tally.last_return

  @property
  def steps_so_far(self) -> float:
    """The steps of all actors, as far as this process knows."""
    return self._tally.steps_so_far

  def run_steps(
    self, num_steps: int, should_stop: Callable[[], bool] = never
  ) -> int:
    """Acts, continuing the episode in which the last call stopped.

    Args:
      num_steps: environment steps to make; with several environments, rounded
        up to the same number in each.
      should_stop: asked before every step, or every turn of the environments;
        when true the loop ends.

    Returns:
      The number of steps made.

    Raises:
      ValueError: if an observation, reward or discount does not match the
        specs, or is not finite.
    """
    before = self._tally.steps
    while self._tally.steps - before < num_steps and not should_stop():
      self._act()
    self._tally.report()
    return self._tally.steps - before

  @abc.abstractmethod
  def _act(self) -> None:
    """Makes a step in each environment, and reports to the tally."""


class ActingLoop(_Loop):
  """Lets an actor act in an environment, for some steps or episodes."""

  def __init__(
    self,
    environment: dm_env.Environment,
    actor: core.Actor,
    counter: counting.AnyCounter | None = None,
    logger: core.Logger | None = None,
    should_update: bool = True,
    steps_between_counts: int = _STEPS_BETWEEN_COUNTS,
  ):
    """Makes the loop.

    Args:
      environment: the environment.
      actor: acts in it, and learns if it can.
      counter: counts `steps` and `episodes`.
      logger: receives a row at the end of each episode.
      should_update: whether to update the actor after each step. Not in an
        evaluation, which keeps its parameters throughout.
      steps_between_counts: steps between two reports to the counter; it also
        reports at the end of each episode and of each call.
    """
    super().__init__(counter, logger, steps_between_counts)
    self._should_update = should_update
    self._actor = actor
    self._episode = Episode(environment)

  def resume(self, episode: Sequence[dm_env.TimeStep]) -> None:
    """Continues an episode that was begun earlier.

    Args:
      episode: its time steps so far, including the first; empty to begin a new
        episode with the next step.
    """
    self._episode.resume(episode, self._tally.steps)

  def run_episodes(
    self,
    num_episodes: int,
    should_stop: Callable[[], bool] = never,
    is_over: Callable[[int], bool] = never_over,
  ) -> list[np.ndarray]:
    """Runs whole episodes, each from a reset.

    Args:
      num_episodes: episodes to run.
      should_stop: asked before every step; when true the loop ends.
      is_over: called before every step with the number of steps of the
        unfinished episode; when true the episode ends there.

    Returns:
      The rewards, [T], of each complete episode.
    """
    episodes = []
    for _ in range(num_episodes):
      self._episode.forget()
      while self._episode.timestep is None or not self._episode.timestep.last():
        if is_over(len(self._episode.rewards)):
          break
        if not self.run_steps(1, should_stop):
          return episodes
      episodes.append(np.array(self._episode.rewards))
    return episodes

  def _act(self) -> None:
    timestep = self._episode.timestep
    if timestep is None or timestep.last():
      timestep = self._episode.begin(self._tally.steps)
      self._actor.observe_first(timestep)
    action = self._actor.select_action(timestep.observation)
    self._actor.observe(action, self._episode.step(action))
    self._tally.add_step()
    if self._should_update:
      self._actor.update()
    self._tally.look_at(self._episode)


class BatchedActingLoop(_Loop):
  """Lets one actor act in several environments, one step in each per turn."""

  def __init__(
    self,
    environments: Sequence[dm_env.Environment],
    actor: actors.BatchedActor,
    counter: counting.AnyCounter | None = None,
    logger: core.Logger | None = None,
  ):
    """Makes the loop.

    Args:
      environments: as many environments as the adder is made for.
      actor: acts in them.
      counter: counts `steps` and `episodes`, over all environments.
      logger: receives a row at the end of each episode, like `ActingLoop`'s;
        its steps per second count all environments.
    """
    super().__init__(counter, logger, _STEPS_BETWEEN_COUNTS)
    self._actor = actor
    self._episodes = [Episode(x) for x in environments]

  def _act(self) -> None:
    observations = []
    for i, episode in enumerate(self._episodes):
      timestep = episode.timestep
      if timestep is None or timestep.last():
        timestep = episode.begin(self._tally.steps)
        self._actor.observe_first(i, timestep)
      observations.append(timestep.observation)
    actions = self._actor.select_actions(observations)
    for episode, action in zip(self._episodes, actions, strict=True):
      episode.send(action)
    # All in a row, so that each finds the others' data in the caches, not
    # the policy's or the adder's.
    timesteps = [
      episode.step(action)
      for episode, action in zip(self._episodes, actions, strict=True)
    ]
    self._actor.observe(actions, timesteps)
    for episode in self._episodes:
      self._tally.add_step()
      self._tally.look_at(episode)
    self._actor.update()
