"""The loop between an actor and its environment, counted step by step.

Acme's `EnvironmentLoop` runs whole episodes and counts at their ends. A run of
exactly so many steps, and a stop that does not wait for an episode's end, need
a loop that can be left and entered again between any two steps.
"""

import abc
from collections.abc import Callable, Sequence

from acme import core
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import dm_env
import numpy as np

from quinoa_acme.agents.common import actors
from quinoa_acme.environments import episodes as episodes_lib

# How many steps are made between two reports to the counter, which may be in
# another process.
_STEPS_BETWEEN_COUNTS = 50


def never() -> bool:
  """A stop condition that does not hold."""
  return False


def never_over(num_steps: int) -> bool:
  """An episode that only its environment ends."""
  del num_steps
  return False


class _Loop(abc.ABC):
  """Acts, and counts what it does."""

  def __init__(
    self,
    counter: counting.Counter | None,
    logger: loggers_base.Logger | None,
    steps_between_counts: int,
  ):
    self._tally = episodes_lib.Tally(counter, logger, steps_between_counts)

  @property
  def last_return(self) -> float | None:
    """The return of the last episode that was run to its end."""
    return self._tally.last_return

  @property
  def steps_so_far(self) -> float:
    """The steps of all actors, as far as they are known here."""
    return self._tally.steps_so_far

  def run_steps(
    self, num_steps: int, should_stop: Callable[[], bool] = never
  ) -> int:
    """Acts, going on in the episode where the last call left.

    Args:
      num_steps: environment steps to make; of several environments, rounded up
        to as many in each.
      should_stop: asked before every step, or every turn of the environments;
        when true the loop is left.

    Returns:
      The steps made.

    Raises:
      ValueError: if an observation, reward or discount is not what the specs
        say, or not finite.
    """
    before = self._tally.steps
    while self._tally.steps - before < num_steps and not should_stop():
      self._act()
    self._tally.report()
    return self._tally.steps - before

  @abc.abstractmethod
  def _act(self) -> None:
    """Makes a step in each environment, and tells the tally."""


class ActingLoop(_Loop):
  """Lets an actor act in an environment, for so many steps or episodes."""

  def __init__(
    self,
    environment: dm_env.Environment,
    actor: core.Actor,
    counter: counting.Counter | None = None,
    logger: loggers_base.Logger | None = None,
    should_update: bool = True,
    steps_between_counts: int = _STEPS_BETWEEN_COUNTS,
  ):
    """Makes the loop.

    Args:
      environment: the environment.
      actor: acts in it, and learns from it if it can.
      counter: counts `steps` and `episodes`.
      logger: takes a row at the end of each episode.
      should_update: whether the actor is updated after each step; not in an
        evaluation, all of which is of the parameters that it began with.
      steps_between_counts: steps between two reports to the counter, and one
        more at the end of each episode and of each call.
    """
    super().__init__(counter, logger, steps_between_counts)
    self._should_update = should_update
    self._actor = actor
    self._episode = episodes_lib.Episode(environment)

  def resume(self, episode: Sequence[dm_env.TimeStep]) -> None:
    """Goes on in an episode that was begun before.

    Args:
      episode: its time steps so far, the first one included; none if the next
        step is to be that of a new episode.
    """
    self._episode.resume(episode, self._tally.steps)

  def run_episodes(
    self,
    num_episodes: int,
    should_stop: Callable[[], bool] = never,
    is_over: Callable[[int], bool] = never_over,
  ) -> list[np.ndarray]:
    """Runs whole episodes from fresh starts.

    Args:
      num_episodes: episodes to run.
      should_stop: asked before every step; when true the loop is left.
      is_over: asked, before every step, with the steps of an episode that has
        not ended; when true it is ended there.

    Returns:
      The rewards, [T], of each episode that was run to its end.
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
  """Lets one actor act in several environments, a step in each by turns."""

  def __init__(
    self,
    environments: Sequence[dm_env.Environment],
    actor: actors.BatchedActor,
    counter: counting.Counter | None = None,
    logger: loggers_base.Logger | None = None,
  ):
    """Makes the loop.

    Args:
      environments: the environments, as many as the adder is made for.
      actor: acts in them.
      counter: counts `steps` and `episodes`, over all environments.
      logger: takes a row at the end of each episode, as `ActingLoop`'s does;
        the steps a second in it are those in all environments.
    """
    super().__init__(counter, logger, _STEPS_BETWEEN_COUNTS)
    self._actor = actor
    self._episodes = [episodes_lib.Episode(x) for x in environments]

  def _act(self) -> None:
    observations = []
    for i, episode in enumerate(self._episodes):
      timestep = episode.timestep
      if timestep is None or timestep.last():
        timestep = episode.begin(self._tally.steps)
        self._actor.observe_first(i, timestep)
      observations.append(timestep.observation)
    actions = self._actor.select_actions(observations)
    # One after the other, so that each finds in the caches what the others
    # have left there, and not the policy or the adder.
    timesteps = [
      episode.step(action)
      for episode, action in zip(self._episodes, actions, strict=True)
    ]
    self._actor.observe(actions, timesteps)
    for episode in self._episodes:
      self._tally.add_step()
      self._tally.look_at(episode)
    self._actor.update()
