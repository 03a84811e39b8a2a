"""Trials of a policy: whole episodes, and the mean return they imply."""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import math
from typing import Any

from absl import logging
import dm_env
import numpy as np
from scipy import stats

from quinoa_acme.environments import action_repeat
from quinoa_acme.environments import checked
from quinoa_acme.runs import evaluation_limits


def run_episodes(
  policy: Callable[[Any], np.ndarray],
  environment: dm_env.Environment,
  on_step: Callable[[int], None] = lambda episode: None,
  limit: evaluation_limits.Option = evaluation_limits.TruncateAfter(),
) -> Iterator[np.ndarray]:
  """Runs episodes one after another.

  Args:
    policy: from an observation to an action.
    environment: the environment to act in, with the policy's action repeat.
    on_step: called with the episode's number, from 0, after the reset and after
      each step.
    limit: the longest an episode may be.

  Yields:
    The rewards of each episode, float64 [T].

  Raises:
    evaluation_limits.EndlessEpisodeError: if an episode reaches the limit, and
      that is an error.
  """
  environment = checked.wrap(environment)
  episode = 0
  while True:
    timestep = environment.reset()
    on_step(episode)
    rewards = []
    while not timestep.last():
      if evaluation_limits.is_over(
        limit, len(rewards), logging.warning, action_repeat.of(environment)
      ):
        break
      timestep = environment.step(policy(timestep.observation))
      on_step(episode)
      rewards.append(float(timestep.reward))
    yield np.array(rewards)
    episode += 1


@dataclasses.dataclass(frozen=True)
class MeanReturn:
  """The mean return of some episodes, with a confidence interval.

  Attributes:
    mean: of the returns.
    low: lower end of the interval for the policy's mean, or None without one.
    high: upper end.
    num_episodes: number of episodes.
  """

  mean: float
  low: float | None
  high: float | None
  num_episodes: int

  def __str__(self) -> str:
    if self.low is None:
      return f'{self.mean:.1f} (one episode, so no interval)'
    return (
      f'{self.mean:.1f}, 95 % interval {self.low:.1f} to {self.high:.1f} '
      f"(Student's t, {self.num_episodes} episodes)"
    )


def mean_return(returns: Sequence[float]) -> MeanReturn:
  """The mean with its 95 % interval, by Student's t.

  The t interval assumes that the mean of these returns is close to normal. It
  covers this policy's episodes, and says nothing about other training seeds.

  Args:
    returns: of independent episodes, at least one.

  Returns:
    The mean and interval; a single episode has no interval.

  Raises:
    ValueError: if there is none.
  """
  if not len(returns):
    raise ValueError('There is no episode to take the mean of.')
  return mean_of_moments(
    float(np.mean(returns)), float(np.std(returns)), len(returns)
  )


def mean_of_moments(
  mean: float, deviation: float, num_episodes: int
) -> MeanReturn:
  """As `mean_return`, where only the moments of the returns are known.

  Args:
    mean: of the returns.
    deviation: their standard deviation, whose divisor is their number.
    num_episodes: their number, at least one.

  Returns:
    The mean and interval; a single episode has no interval.
  """
  if num_episodes == 1:
    return MeanReturn(mean, None, None, 1)
  freedom = num_episodes - 1
  error = deviation / math.sqrt(freedom)
  reach = float(stats.t.ppf(0.975, freedom)) * error
  return MeanReturn(mean, mean - reach, mean + reach, num_episodes)
