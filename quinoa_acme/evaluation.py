"""The evaluation of a policy over whole episodes."""

from collections.abc import Sequence

import numpy as np


def summarise(returns: Sequence[float]) -> dict[str, float]:
  """The statistics that the evaluator logs.

  Args:
    returns: the undiscounted return of each episode; at least one.

  Returns:
    The mean under `episode_return`, and standard deviation, minimum, maximum
    and number of episodes.
  """
  if not returns:
    raise ValueError('There is no episode to summarise.')
  return {
    'episode_return': float(np.mean(returns)),
    'episode_return_std': float(np.std(returns)),
    'episode_return_min': float(np.min(returns)),
    'episode_return_max': float(np.max(returns)),
    'evaluation_episodes': len(returns),
  }
