"""What a set of runs says about an algorithm, with its uncertainty.

The interquartile mean (IQM) over all runs of all tasks, with a percentile
interval from a bootstrap stratified by task: each resample draws, with
replacement, as many runs of each task as there are. After Agarwal et al., 'Deep
Reinforcement Learning at the Edge of the Statistical Precipice', 2021 (arXiv
2108.13264), sections 4.2 and 4.3.
"""

from collections.abc import Sequence
import dataclasses

import numpy as np
from scipy import stats

from quinoa_acme.utils import validation

# The share of runs to leave out at each end.
_TRIMMED = 0.25


@dataclasses.dataclass(frozen=True)
class Bootstrap:
  """Options of the intervals.

  Attributes:
    confidence: the share of resamples within the interval.
    num_resamples: number of resamples.
    seed: for the resampling.
  """

  confidence: float = 0.95
  num_resamples: int = 5000
  seed: int = 0

  def __post_init__(self):
    if not 0 < self.confidence < 1:
      raise ValueError(
        f'confidence must be in (0, 1), but is {self.confidence!r}.'
      )
    validation.check_whole(self, 'num_resamples')
    validation.check_whole(self, 'seed', least=0)


@dataclasses.dataclass(frozen=True)
class Interval:
  """An estimate with its interval.

  Attributes:
    estimate: from the runs themselves.
    low: the lower end.
    high: the upper end.
  """

  estimate: float
  low: float
  high: float


def interquartile_mean(scores: Sequence[np.ndarray]) -> float:
  """The mean of the runs between the quartiles, over all tasks together.

  A quarter of the runs, rounded down, is left out at each end; with fewer than
  four runs in total it is the mean. A task with more runs has more weight.

  Args:
    scores: for each task the scores of its runs, floats of shape [runs].
      Normalise tasks of different scales first.

  Returns:
    The IQM.

  Raises:
    ValueError: if there are no runs.
  """
  together = np.concatenate([np.asarray(task, float) for task in scores])
  if not together.size:
    raise ValueError('there are no runs to take the interquartile mean of.')
  return float(stats.trim_mean(together, _TRIMMED))


def interval(
  scores: Sequence[np.ndarray], bootstrap: Bootstrap = Bootstrap()
) -> Interval:
  """The interquartile mean with its stratified bootstrap interval.

  Args:
    scores: as for `interquartile_mean`.
    bootstrap: options of the interval.

  Returns:
    The interval. With a handful of runs it is too narrow, like any bootstrap's.

  Raises:
    ValueError: if a task has fewer than two runs, so its spread is unknown.
  """
  rng = np.random.default_rng(bootstrap.seed)
  means = _resampled_means(scores, bootstrap.num_resamples, rng)
  return _summarise(interquartile_mean(scores), means, bootstrap)


def difference(
  new: Sequence[np.ndarray],
  old: Sequence[np.ndarray],
  bootstrap: Bootstrap = Bootstrap(),
) -> Interval:
  """The difference of two interquartile means, with its interval.

  The runs of both are resampled independently: a common seed does not make two
  runs of different code a pair.

  Args:
    new: as for `interquartile_mean`.
    old: the same, to be subtracted.
    bootstrap: options of the interval.

  Returns:
    The interval of IQM(new) - IQM(old).

  Raises:
    ValueError: if a task has fewer than two runs.
  """
  rng = np.random.default_rng(bootstrap.seed)
  means = [
    _resampled_means(scores, bootstrap.num_resamples, rng)
    for scores in (new, old)
  ]
  estimate = interquartile_mean(new) - interquartile_mean(old)
  return _summarise(estimate, means[0] - means[1], bootstrap)


def _resampled_means(
  scores: Sequence[np.ndarray], num_resamples: int, rng: np.random.Generator
) -> np.ndarray:
  """Interquartile means of resamples, float64 of shape [num_resamples]."""
  resamples = []
  for task in scores:
    runs = np.asarray(task, float)
    if runs.size < 2:
      raise ValueError(
        'an interval needs at least 2 runs of each task, but one has '
        f'{runs.size}. Run more seeds.'
      )
    resamples.append(rng.choice(runs, (num_resamples, runs.size)))
  together = np.concatenate(resamples, axis=1)
  return np.asarray(stats.trim_mean(together, _TRIMMED, axis=1))


def _summarise(
  estimate: float, resampled: np.ndarray, bootstrap: Bootstrap
) -> Interval:
  outside = (1.0 - bootstrap.confidence) / 2.0
  low, high = np.quantile(resampled, [outside, 1.0 - outside])
  return Interval(estimate, float(low), float(high))
