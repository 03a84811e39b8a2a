"""The evaluation of a policy over whole episodes."""

from collections.abc import Sequence

import numpy as np


def summarise(
  episodes: Sequence[np.ndarray], discount: float
) -> dict[str, float]:
  """The statistics that the evaluator logs.

  Args:
    episodes: the rewards of each episode, [T]; at least one.
    discount: the agent's gamma.

  Returns:
    The mean undiscounted return under `episode_return`, and standard deviation,
    minimum, maximum and number of episodes. Under `discounted_return` the mean
    over all steps of the discounted return from there on, which a value
    function should not exceed.
  """
  if not episodes:
    raise ValueError('There is no episode to summarise.')
  returns = [float(np.sum(rewards)) for rewards in episodes]
  discounted = np.concatenate(
    [discounted_returns(rewards, discount) for rewards in episodes]
  )
  return {
    'episode_return': float(np.mean(returns)),
    'episode_return_std': float(np.std(returns)),
    'episode_return_min': float(np.min(returns)),
    'episode_return_max': float(np.max(returns)),
    'discounted_return': float(np.mean(discounted)),
    'evaluation_episodes': len(returns),
  }


def discounted_returns(rewards: np.ndarray, discount: float) -> np.ndarray:
  """sum_k discount^k r_(t+k) for each step t of an episode.

  Args:
    rewards: of each step, [T].
    discount: gamma.

  Returns:
    An array of shape [T].
  """
  following = 0.0
  returns = np.zeros(len(rewards))
  for step in reversed(range(len(rewards))):
    following = rewards[step] + discount * following
    returns[step] = following
  return returns
