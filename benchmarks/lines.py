"""The lines of the table of speed: what each says, and how surely.

The estimate is a ratio of medians, or of totals where the samples are the parts
of one run; where there is no peer it is the median itself. Intervals are
percentile bootstraps of 95 %. Ours and the peer's samples were taken by turns,
so pairs are resampled: what the machine did meanwhile fell on both.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, Literal

import numpy as np
from scipy import stats

_NUM_RESAMPLES = 5000


@dataclasses.dataclass(frozen=True)
class Line:
  """What a line measures, and what it should be.

  Attributes:
    name: in JSON files.
    what: for the table.
    ours: what is measured of this library.
    peer: what it is measured against.
    unit: of the samples.
    judged: 'ratio', ours over the peer's, or 'ours', without the peer, which
      then only makes machines comparable.
    better: which way is faster.
    statistic: 'median' of the samples or their 'mean', for parts of one run.
    bar: what it should be at least, or at most.
    reach: what it may be at best.
  """

  name: str
  what: str
  ours: str
  peer: str
  unit: str
  bar: float
  reach: float
  judged: Literal['ratio', 'ours'] = 'ratio'
  better: Literal['higher', 'lower'] = 'lower'
  statistic: Literal['median', 'mean'] = 'median'

  def meets(self, value: float, goal: float) -> bool:
    """Whether a value is as good as `goal`, or better."""
    return value >= goal if self.better == 'higher' else value <= goal


@dataclasses.dataclass(frozen=True)
class Samples:
  """What was measured for a line, in the order of the turns.

  Attributes:
    ours: samples of ours.
    peer: samples of the peer's, as many, taken by turns with ours.
  """

  ours: tuple[float, ...]
  peer: tuple[float, ...]

  def __post_init__(self):
    if not self.ours or len(self.ours) != len(self.peer):
      raise ValueError(
        'samples come in pairs, but there are '
        f'{len(self.ours)} of ours and {len(self.peer)} of the peer.'
      )
    values = [*self.ours, *self.peer]
    if not all(np.isfinite(x) and x > 0 for x in values):
      raise ValueError(f'samples must be finite and positive: {values}.')


@dataclasses.dataclass(frozen=True)
class Estimate:
  """An estimate with its interval; without one where there is one sample.

  Attributes:
    value: the estimate.
    low: the lower end, or nan.
    high: the upper end, or nan.
  """

  value: float
  low: float
  high: float


def ratio(line: Line, samples: Samples) -> Estimate:
  """Ours over the peer's."""
  return _bootstrapped(
    [np.log(_statistic(line, samples.ours) / _statistic(line, samples.peer))],
    _resampled_log_ratios(line, samples, seed=0),
  )


def judged(line: Line, samples: Samples) -> Estimate:
  """What the line's bar is held against."""
  if line.judged == 'ratio':
    return ratio(line, samples)
  ones = Samples(samples.ours, (1.0,) * len(samples.ours))
  return ratio(line, ones)


def centre(line: Line, values: Sequence[float]) -> float:
  """The median of samples, or the mean, as the line has it."""
  return float(_statistic(line, values))


def change(
  line: Line, old: Samples, new: Samples, confidence: float
) -> Estimate:
  """How many times as large the ratio to the peer is as it was.

  Args:
    line: the line.
    old: what was measured before, perhaps on another machine.
    new: what was measured now.
    confidence: of the interval.

  Returns:
    The new ratio over the old one. Both are resampled, each by itself.
  """
  logs = [
    np.log(_statistic(line, x.ours) / _statistic(line, x.peer))
    for x in (new, old)
  ]
  resampled = [
    _resampled_log_ratios(line, x, seed) for seed, x in enumerate((new, old))
  ]
  known = [x for x in resampled if x is not None]
  together = known[0] - known[1] if len(known) == 2 else None
  return _bootstrapped([logs[0] - logs[1]], together, confidence)


def _statistic(line: Line, values: Any, axis: int = -1) -> Any:
  return getattr(np, line.statistic)(np.asarray(values, float), axis=axis)


def _resampled_log_ratios(
  line: Line, samples: Samples, seed: int
) -> np.ndarray | None:
  if len(samples.ours) < 2:
    return None

  def log_ratio(ours, peer, axis=-1):
    return np.log(_statistic(line, ours, axis) / _statistic(line, peer, axis))

  found = stats.bootstrap(
    (samples.ours, samples.peer),
    log_ratio,
    n_resamples=_NUM_RESAMPLES,
    paired=True,
    vectorized=True,
    method='percentile',
    rng=np.random.default_rng(seed),
  )
  return np.asarray(found.bootstrap_distribution)


def _bootstrapped(
  logs: Sequence[float], resampled: np.ndarray | None, confidence: float = 0.95
) -> Estimate:
  value = float(np.exp(logs[0]))
  if resampled is None:
    return Estimate(value, np.nan, np.nan)
  outside = (1.0 - confidence) / 2.0
  low, high = np.exp(np.quantile(resampled, [outside, 1.0 - outside]))
  return Estimate(value, float(low), float(high))


def to_plain(measured: Mapping[str, Samples]) -> dict[str, Any]:
  """Samples by the line's name, for JSON."""
  return {name: dataclasses.asdict(x) for name, x in measured.items()}


def from_plain(plain: Mapping[str, Any]) -> dict[str, Samples]:
  """The inverse of `to_plain`."""
  return {
    name: Samples(tuple(x['ours']), tuple(x['peer']))
    for name, x in plain.items()
  }
