"""Checks whether runs were sound, from what their learners logged.

The learner checks every quantity of every SGD step, and stops at the first that
is not finite, so a run that reached its end had none. This module also checks
the values in its logged rows.

`find_warnings` judges a run that is in progress or has just ended.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
import math

from quinoa_acme.environments import action_repeat

# The columns of a table of findings, one row per run; see
# experiments/README.md.
COLUMNS: tuple[str, ...] = (
  'agent',
  'preset',
  'task',
  'seed',
  'actor_steps',
  'learner_steps',
  'rows',
  'non_finite',
  'kl_low',
  'kl_high',
  'kl_held',
  'value',
  'discounted_return',
  'value_ratio_low',
  'value_ratio_high',
)

# A run's first steps, in which the temperature is still settling.
_SETTLING = 0.1
# From this environment step on, V is compared with the discounted return.
_FIRST_STEPS = 20_000
# V may exceed the policy's return by this much, in units of reward: while
# returns are near zero, their ratio says nothing.
_LEAST_EXCESS = 1.0
# The share of the gain since the start that must remain.
_LEFT = 0.1
# A gain counts if it exceeds this many standard deviations over episodes.
_CLEARLY = 2.0


@dataclasses.dataclass(frozen=True)
class Soundness:
  """How a run's learning went, apart from its return.

  Attributes:
    actor_steps: environment steps made, 0 on fixed data.
    learner_steps: SGD steps made.
    rows: rows that the learner logged.
    non_finite: values in them that are not finite.
    kl_low: the smallest KL / epsilon after the first tenth of the steps, or NaN
      if no constraint controls the temperature.
    kl_high: the largest.
    kl_held: the share of those rows in which it is between 0.5 and 2, or NaN.
    value: the mean of V over the last tenth, in units of reward, or NaN if
      there is none.
    discounted_return: the policy's discounted return at the last evaluation.
    value_ratio_low: the smallest ratio of V to the discounted return, over
      evaluations from 20,000 environment steps on, or NaN if there is none.
    value_ratio_high: the largest.
  """

  actor_steps: int
  learner_steps: int
  rows: int
  non_finite: int
  kl_low: float
  kl_high: float
  kl_held: float
  value: float
  discounted_return: float
  value_ratio_low: float
  value_ratio_high: float


def examine(
  learner: Sequence[Mapping[str, float]],
  evaluator: Sequence[Mapping[str, float]],
  reward_scale: float = 1.0,
) -> Soundness:
  """Examines what a run logged.

  Args:
    learner: the learner's rows, in order; see `loggers.read_rows`.
    evaluator: the evaluator's rows.
    reward_scale: factor on the rewards that the learner saw, and so on its V.

  Returns:
    The findings.

  Raises:
    ValueError: if the learner has logged nothing.
  """
  if not learner:
    raise ValueError('the learner has logged no rows to examine.')
  steps = learner[-1]['learner_steps']
  settled = [row for row in learner if row['learner_steps'] > _SETTLING * steps]
  last = [
    row for row in learner if row['learner_steps'] > (1 - _SETTLING) * steps
  ]
  kl = [row['kl_over_epsilon'] for row in settled if 'kl_over_epsilon' in row]
  value = [row['value_mean'] for row in last if 'value_mean' in row]
  ratios = _value_ratios(learner, evaluator, reward_scale)
  return Soundness(
    actor_steps=int(learner[-1].get('actor_steps', 0)),
    learner_steps=int(steps),
    rows=len(learner),
    non_finite=sum(
      not math.isfinite(x) for row in learner for x in row.values()
    ),
    kl_low=min(kl, default=math.nan),
    kl_high=max(kl, default=math.nan),
    kl_held=_mean([float(0.5 <= x <= 2.0) for x in kl]),
    value=_mean(value) / reward_scale,
    discounted_return=(
      evaluator[-1]['discounted_return'] if evaluator else math.nan
    ),
    value_ratio_low=min(ratios, default=math.nan),
    value_ratio_high=max(ratios, default=math.nan),
  )


def _value_ratios(
  learner: Sequence[Mapping[str, float]],
  evaluator: Sequence[Mapping[str, float]],
  reward_scale: float,
) -> list[float]:
  """V over the policy's return, at evaluations from `_FIRST_STEPS` on."""
  ratios = []
  for before, row in itertools.pairwise(evaluator):
    if row.get('actor_steps', 0) < _FIRST_STEPS:
      continue
    value = _value_between(learner, before, row, reward_scale)
    got = row['discounted_return']
    if got and not math.isnan(value):
      ratios.append(value / got)
  return ratios


def _value_between(
  learner: Sequence[Mapping[str, float]],
  before: Mapping[str, float],
  after: Mapping[str, float],
  reward_scale: float,
) -> float:
  """The mean of V between two evaluations, in units of reward, or NaN."""
  return _mean(
    [
      row['value_mean'] / reward_scale
      for row in learner
      if 'value_mean' in row
      and before['learner_steps'] < row['learner_steps']
      and row['learner_steps'] <= after['learner_steps']
    ]
  )


def find_warnings(
  learner: Sequence[Mapping[str, float]],
  evaluator: Sequence[Mapping[str, float]],
  reward_scale: float = 1.0,
) -> tuple[str, ...]:
  """Finds what looks wrong in a run, at its last evaluation.

  V is far above the policy's return if this held at the last two evaluations: V
  exceeded the discounted return by more than that return, by more than its
  spread over evaluations, and by more than one unit of reward. V is for
  replayed states, the return for states that the policy visits. So the two
  differ in sound runs too, but not by a factor of two in any of
  `experiments/results/soundness/bars.csv`.

  The return has fallen to its starting level if at most a tenth remains of what
  the best evaluation had gained over the first, and that gain was clearly
  larger than the spread over episodes.

  Args:
    learner: the learner's rows, in order; see `loggers.read_rows`.
    evaluator: the evaluator's rows, in order.
    reward_scale: factor on the rewards that the learner saw, and so on its V.

  Returns:
    A sentence for each finding; none if nothing looks wrong.
  """
  found = (
    _find_inflated(learner, evaluator, reward_scale),
    _find_fall(evaluator),
  )
  return tuple(sentence for sentence in found if sentence)


def _find_inflated(
  learner: Sequence[Mapping[str, float]],
  evaluator: Sequence[Mapping[str, float]],
  reward_scale: float,
) -> str | None:
  """A warning if V was far above the discounted return at two evaluations."""
  got = [row['discounted_return'] for row in evaluator]
  if len(evaluator) < 3:
    return None
  value = math.nan
  for i in (-2, -1):
    value = _value_between(
      learner, evaluator[i - 1], evaluator[i], reward_scale
    )
    most = max(abs(got[i]), max(got) - min(got), _LEAST_EXCESS)
    # Not if it is NaN, as for an agent without V.
    if not value - got[i] > most:
      return None
  return (
    f'V is {value:.4g} where the policy gets a discounted return of '
    f'{got[-1]:.4g}: it is inflated, and what is learned from it is unsound. '
    'Make fewer updates (samples_per_insert), or see docs/algorithm.md, '
    '"What to look at when it does not learn".'
  )


def _find_fall(evaluator: Sequence[Mapping[str, float]]) -> str | None:
  """A warning if the last return is at the level of the first."""
  if len(evaluator) < 3:
    return None
  first, last = evaluator[0], evaluator[-1]
  best = max(evaluator, key=lambda row: row['episode_return'])
  start = first['episode_return']
  gain = best['episode_return'] - start
  noise = max(first['episode_return_std'], best['episode_return_std'])
  if gain <= _CLEARLY * noise or last['episode_return'] > start + _LEFT * gain:
    return None
  return (
    f'the return has fallen to {last["episode_return"]:.4g}, from '
    f'{best["episode_return"]:.4g} at {_tell_steps(best)}, and '
    f'began with {start:.4g}: what was learned is lost. Look at value_mean and '
    'kl_over_epsilon in logs/learner.csv, or try another seed.'
  )


def _tell_steps(row: Mapping[str, float]) -> str:
  """The steps of a row, with their frames where the row has them."""
  steps = row['actor_steps']
  repeat = row.get('actor_frames', steps) / steps if steps else 1
  return action_repeat.describe_steps(steps, round(repeat))


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values) if values else math.nan
