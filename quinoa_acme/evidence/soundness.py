"""Whether runs were sound, by what their learners logged.

The learner looks at every quantity of every SGD step, and stops at the first
that is not finite; so a run that came to its end has had none. What is counted
here besides are the values of the rows that it logged.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import math

# The columns of a table of findings, one row a run; see docs/results-schema.md.
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
)

# A run's first steps, in which the temperature still looks for its level.
_SETTLING = 0.1


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
  )


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values) if values else math.nan
