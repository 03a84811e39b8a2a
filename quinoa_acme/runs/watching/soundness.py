"""Whether runs were sound, by what their learners logged.

The learner looks at every quantity of every SGD step, and stops at the first
that is not finite; so a run that came to its end has had none. What is counted
here besides are the values of the rows that it logged.

A run that is under way, or has just ended, is judged by `find_warnings`.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
import math

# The columns of a table of findings, one row a run; see experiments/README.md.
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

# A run's first steps, in which the temperature still looks for its level.
_SETTLING = 0.1
# Environment steps from which on V is looked at beside the discounted return.
_FIRST_STEPS = 20_000
# By less than so much of the reward V may be above what the policy gets: where
# hardly anything is paid yet, its factor says nothing.
_LEAST_EXCESS = 1.0
# How much of what was gained over the start must be left.
_LEFT = 0.1
# Of the episodes' standard deviation, what a gain must exceed to be one.
_CLEARLY = 2.0


@dataclasses.dataclass(frozen=True)
class Soundness:
  """How the learning of a run went, apart from its return.

  Attributes:
    actor_steps: environment steps made, 0 on fixed data.
    learner_steps: SGD steps made.
    rows: rows that the learner logged.
    non_finite: values in them that are not finite.
    kl_low: the least KL / epsilon after the first tenth of the steps, or NaN
      where no constraint holds the temperature.
    kl_high: the largest.
    kl_held: the share of those rows in which it is between 0.5 and 2, or NaN.
    value: the mean of V over the last tenth, in units of reward, or NaN where
      there is none.
    discounted_return: what the policy got at the last evaluation, discounted.
    value_ratio_low: the least V over the discounted return at an evaluation
      from 20,000 environment steps on, or NaN where there is none.
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
  """V over what the policy got, at evaluations from `_FIRST_STEPS` on."""
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

  V is far above what the policy gets if it was so at the last two evaluations:
  above the discounted return by more than that, by more than evaluations have
  differed in it, and by more than one unit of reward. V is of replayed states,
  the return of those that the policy comes to, so that the two differ in sound
  runs too, but not by a factor of two in any of
  `experiments/results/soundness/bars.csv`.

  The return has fallen to a start's level if a tenth or less is left of what
  the best evaluation had gained over the first one, and that was clearly more
  than episodes differ.

  Args:
    learner: the learner's rows, in order; see `loggers.read_rows`.
    evaluator: the evaluator's rows, in order.
    reward_scale: factor on the rewards that the learner saw, and so on its V.

  Returns:
    A sentence for each; none if nothing looks wrong.
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
  """Says so if V was far above the discounted return at two evaluations."""
  got = [row['discounted_return'] for row in evaluator]
  if len(evaluator) < 3:
    return None
  value = math.nan
  for i in (-2, -1):
    value = _value_between(
      learner, evaluator[i - 1], evaluator[i], reward_scale
    )
    most = max(abs(got[i]), max(got) - min(got), _LEAST_EXCESS)
    # Not if it is NaN, as where an agent has no V.
    if not value - got[i] > most:
      return None
  return (
    f'V is {value:.4g} where the policy gets a discounted return of '
    f'{got[-1]:.4g}: it is inflated, and what is learnt from it is not sound. '
    'Make fewer updates a step (samples_per_insert), or see docs/algorithm.md, '
    '"What to look at when it does not learn".'
  )


def _find_fall(evaluator: Sequence[Mapping[str, float]]) -> str | None:
  """Says so if the last return is at the level of the first."""
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
    f'{best["episode_return"]:.4g} at {best["actor_steps"]:,.0f} steps, and '
    f'began with {start:.4g}: what was learnt is lost. Look at value_mean and '
    'kl_over_epsilon in logs/learner.csv, or try another seed.'
  )


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values) if values else math.nan
