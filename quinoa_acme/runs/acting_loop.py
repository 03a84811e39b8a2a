"""The loop between an actor and its environment, counted step by step.

Acme's `EnvironmentLoop` runs whole episodes and counts at their ends. A run of
exactly so many steps, and a stop that does not wait for an episode's end, need
a loop that can be left and entered again between any two steps.
"""

from collections.abc import Callable, Mapping, Sequence
import math
import time

from acme import core
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import dm_env
import numpy as np
import tree

# How many steps are made between two reports to the counter, which may be in
# another process.
_STEPS_BETWEEN_COUNTS = 50


def never() -> bool:
  """A stop condition that does not hold."""
  return False


class ActingLoop:
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
    self._should_update = should_update
    self._steps_between_counts = steps_between_counts
    self._environment = environment
    self._actor = actor
    self._counter = counter or counting.Counter()
    self._logger = logger or loggers_base.NoOpLogger()
    self._timestep: dm_env.TimeStep | None = None
    # All counts at the last report to the counter, and the steps since.
    self._counts: Mapping[str, float] = self._counter.get_counts()
    self._uncounted = 0
    # The return of the last episode that was run to its end.
    self.last_return: float | None = None
    self._start_episode()

  @property
  def steps_so_far(self) -> float:
    """The steps of all actors, as far as they are known here."""
    return self._counts.get('actor_steps', 0) + self._uncounted

  def run_steps(
    self, num_steps: int, should_stop: Callable[[], bool] = never
  ) -> int:
    """Acts, going on in the episode where the last call left.

    Args:
      num_steps: environment steps to make.
      should_stop: asked before every step; when true the loop is left.

    Returns:
      The steps made.

    Raises:
      ValueError: if an observation, reward or discount is not finite.
    """
    made = 0
    while made < num_steps and not should_stop():
      timestep = self._timestep
      if timestep is None or timestep.last():
        timestep = self._begin()
      timestep = self._step(timestep)
      made += 1
      ended = timestep.last()
      if ended or self._uncounted == self._steps_between_counts:
        self._count(int(ended))
        if ended:
          self._log()
    if self._uncounted:
      self._count(0)
    return made

  def resume(self, episode: Sequence[dm_env.TimeStep]) -> None:
    """Goes on in an episode that was begun before.

    Args:
      episode: its time steps so far, the first one included; none if the next
        step is to be that of a new episode.
    """
    self._start_episode()
    self._timestep = episode[-1] if episode else None
    self._rewards = [float(timestep.reward) for timestep in episode[1:]]
    self._steps_before = len(self._rewards)

  def run_episodes(
    self, num_episodes: int, should_stop: Callable[[], bool] = never
  ) -> list[np.ndarray]:
    """Runs whole episodes from fresh starts.

    Args:
      num_episodes: episodes to run.
      should_stop: asked before every step; when true the loop is left.

    Returns:
      The rewards, [T], of each episode that was run to its end.
    """
    episodes = []
    for _ in range(num_episodes):
      self._timestep = None
      while self._timestep is None or not self._timestep.last():
        if not self.run_steps(1, should_stop):
          return episodes
      episodes.append(np.array(self._rewards))
    return episodes

  def _start_episode(self) -> None:
    self._rewards: list[float] = []
    # Those that another process made of an episode that this one goes on in.
    self._steps_before = 0
    self._started = time.monotonic()

  def _begin(self) -> dm_env.TimeStep:
    self._start_episode()
    timestep = self._environment.reset()
    _check_finite(timestep, 0)
    self._actor.observe_first(timestep)
    self._timestep = timestep
    return timestep

  def _step(self, timestep: dm_env.TimeStep) -> dm_env.TimeStep:
    action = self._actor.select_action(timestep.observation)
    timestep = self._environment.step(action)
    _check_finite(timestep, len(self._rewards) + 1)
    self._rewards.append(float(timestep.reward))
    self._actor.observe(action, timestep)
    self._uncounted += 1
    if self._should_update:
      self._actor.update()
    self._timestep = timestep
    return timestep

  def _count(self, episodes: int) -> None:
    steps, self._uncounted = self._uncounted, 0
    self._counts = self._counter.increment(steps=steps, episodes=episodes)

  def _log(self) -> None:
    self.last_return = sum(self._rewards)
    length = len(self._rewards)
    seconds = time.monotonic() - self._started
    self._logger.write(
      {
        'episode_length': length,
        'episode_return': self.last_return,
        'steps_per_second': (length - self._steps_before) / max(seconds, 1e-9),
        **self._counts,
      }
    )


def _check_finite(timestep: dm_env.TimeStep, step: int) -> None:
  """Refuses what would go through replay into the parameters."""
  if _is_plainly_finite(timestep):
    return
  parts = {
    'observation': timestep.observation,
    'reward': timestep.reward,
    'discount': timestep.discount,
  }
  for name, part in parts.items():
    for path, leaf in tree.flatten_with_path(part):
      if leaf is not None and not np.isfinite(leaf).all():
        where = ''.join(f'[{key!r}]' for key in path)
        raise ValueError(
          f'The environment gave a {name}{where} that is not finite at step '
          f'{step} of an episode: {leaf}. Nothing can be learnt from it: mend '
          'the environment, or wrap it so that it ends such an episode.'
        )


def _is_plainly_finite(timestep: dm_env.TimeStep) -> bool:
  """Whether the usual time step is finite, in a few microseconds.

  A nest of observations is left to the search by path.
  """
  observation = timestep.observation
  if not isinstance(observation, np.ndarray):
    return False
  # The first time step of an episode has neither.
  numbers = (timestep.reward or 0.0, timestep.discount or 0.0)
  return bool(np.isfinite(observation).all()) and all(
    map(math.isfinite, numbers)
  )
