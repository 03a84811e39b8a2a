"""Compares two tables of the same runs: what got better, and what worse.

A run's score is the mean return over its evaluations after the start, so slower
learning counts as well as a lower end. The verdict rests on the bootstrap
interval of the difference of interquartile means, not on a single number: a
task, or all together, got worse if the whole interval is below zero.
"""

from collections.abc import Mapping, Sequence
import dataclasses

import numpy as np

from experiments.lib import bootstrap as bootstrap_lib
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps

# For each agent, preset and task, and each seed, the returns by step.
Runs = Mapping[results.Curve, Mapping[int, results.RunReturns]]


@dataclasses.dataclass(frozen=True)
class Difference:
  """The change of one algorithm on one task, or on all of them.

  Attributes:
    name: agent, preset and task, or 'all tasks'.
    old: the interquartile mean of the old scores.
    new: the interquartile mean of the new scores.
    interval: of new - old.
  """

  name: str
  old: float
  new: float
  interval: bootstrap_lib.Interval

  @property
  def verdict(self) -> str:
    """'worse', 'better', or 'no difference shown'."""
    if self.interval.high < 0:
      return 'worse'
    if self.interval.low > 0:
      return 'better'
    return 'no difference shown'


def check_finished(runs: Sequence[sweeps.Run], found: Runs, which: str) -> None:
  """Raises a ValueError if results lack a run, or its end.

  Args:
    runs: the runs that they must have.
    found: results by curve and seed.
    which: the name of the results, for the error message.
  """
  missing = [
    run.label
    for run in runs
    if max(found.get(run.curve, {}).get(run.seed, {}), default=0)
    < run.num_steps
  ]
  if missing:
    raise ValueError(
      f'the {which} results lack {len(missing)} of {len(runs)} runs, or their '
      f'ends: {", ".join(missing)}. Run those first.'
    )


def score(returns: results.RunReturns, num_steps: int) -> float:
  """The mean return of a run over its evaluations after the start.

  Args:
    returns: the returns by environment steps.
    num_steps: returns after more steps do not count.

  Returns:
    The mean.
  """
  counted = [x for steps, x in returns.items() if 0 < steps <= num_steps]
  return float(np.mean(counted))


def compare(
  runs: Sequence[sweeps.Run],
  old: Runs,
  new: Runs,
  confidence: float = 0.95,
) -> list[Difference]:
  """Compares new results of the same runs with old ones.

  Args:
    runs: the runs; at least two seeds of each task.
    old: results by curve and seed, from `results.read_runs`.
    new: the same.
    confidence: of all intervals together. The more there are, the higher the
      confidence of each (Bonferroni).

  Returns:
    For each algorithm, a difference for each task and, if there are several,
    one for all tasks together.

  Raises:
    ValueError: if a run is missing or unfinished in one of them, was not
      evaluated after the same steps in both, or a task has a single seed.
  """
  check_finished(runs, old, 'old')
  check_finished(runs, new, 'new')
  _check_evaluations(runs, old, new)
  groups = _groups(runs)
  bootstrap = bootstrap_lib.Bootstrap(
    confidence=1.0 - (1.0 - confidence) / len(groups)
  )
  differences = []
  for name, tasks in groups.items():
    before, after = (
      [
        np.array([score(x[run.curve][run.seed], run.num_steps) for run in task])
        for task in tasks
      ]
      for x in (old, new)
    )
    differences.append(
      Difference(
        name,
        bootstrap_lib.interquartile_mean(before),
        bootstrap_lib.interquartile_mean(after),
        bootstrap_lib.difference(after, before, bootstrap),
      )
    )
  return differences


def format_differences(differences: Sequence[Difference]) -> str:
  """The differences as a table for the terminal, one per line."""
  width = max(len(difference.name) for difference in differences)
  lines = [f'{"":{width}}  {"old":>6} {"new":>6}  {"difference":^22}']
  for x in differences:
    change = f'{x.interval.estimate:+.1f}'
    ends = f'[{x.interval.low:+.1f}, {x.interval.high:+.1f}]'
    lines.append(
      f'{x.name:{width}}  {x.old:6.1f} {x.new:6.1f}  {change:>7} {ends:<18}'
      f' {x.verdict}'
    )
  return '\n'.join(lines)


def _groups(
  runs: Sequence[sweeps.Run],
) -> dict[str, list[list[sweeps.Run]]]:
  """The comparisons, by name: for each task its runs."""
  by_curve: dict[results.Curve, list[sweeps.Run]] = {}
  for run in runs:
    by_curve.setdefault(run.curve, []).append(run)
  groups = {' '.join(curve): [found] for curve, found in by_curve.items()}
  for agent, preset in dict.fromkeys(curve[:2] for curve in by_curve):
    tasks = [
      found for curve, found in by_curve.items() if curve[:2] == (agent, preset)
    ]
    if len(tasks) > 1:
      groups[f'{agent} {preset} all tasks'] = tasks
  return groups


def _check_evaluations(runs: Sequence[sweeps.Run], old: Runs, new: Runs):
  for run in runs:
    grids = [
      [steps for steps in x[run.curve][run.seed] if 0 < steps <= run.num_steps]
      for x in (old, new)
    ]
    if grids[0] != grids[1]:
      raise ValueError(
        f'{run.label} was evaluated after {grids[0]} steps in the old results '
        f'and after {grids[1]} in the new ones. Repeat the old ones.'
      )
