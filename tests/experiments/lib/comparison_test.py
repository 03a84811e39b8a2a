"""Tests of comparing new results with old ones."""

import numpy as np
import pytest

from experiments.lib import comparison
from quinoa_acme.runs.sweeps import sweeps

_TASKS = ('control:walker:walk', 'control:cheetah:run')


def _runs(num_seeds=5, tasks=_TASKS) -> list[sweeps.Run]:
  return [
    sweeps.Run('quinoa', 'debug', task, seed, num_steps=300)
    for task in tasks
    for seed in range(num_seeds)
  ]


def _results(runs, rng, shifts=(0.0, 0.0)):
  """Results with one number of noise a run, shifted by task."""
  found = {}
  for run in runs:
    shift = shifts[_TASKS.index(run.env_name)] + rng.normal(0, 10)
    found.setdefault(run.curve, {})[run.seed] = {
      0: 5.0,
      150: 400.0 + shift,
      300: 600.0 + shift,
      450: -1e6,
    }
  return found


def test_a_score_is_the_mean_after_the_start_and_up_to_the_end():
  returns = {0: 1000.0, 100: 10.0, 200: 30.0, 300: 500.0}
  assert comparison.score(returns, 200) == 20.0


def test_what_got_worse_or_better_is_named():
  rng = np.random.default_rng(0)
  runs = _runs()
  old = _results(runs, rng)
  found = comparison.compare(runs, old, _results(runs, rng, (-100.0, 100.0)))
  verdicts = {x.name: x.verdict for x in found}
  assert verdicts == {
    'quinoa debug walker-walk': 'worse',
    'quinoa debug cheetah-run': 'better',
    'quinoa debug all tasks': 'no difference shown',
  }
  assert found[0].old == pytest.approx(500, abs=20)
  assert found[0].interval.estimate == pytest.approx(
    found[0].new - found[0].old
  )
  text = comparison.format_differences(found)
  assert text.count('\n') == 3
  assert 'walker-walk' in text.splitlines()[1]


def test_nothing_is_worse_where_nothing_changed():
  rng = np.random.default_rng(1)
  runs = _runs()
  alarms = 0
  for _ in range(40):
    found = comparison.compare(runs, _results(runs, rng), _results(runs, rng))
    alarms += any(x.verdict == 'worse' for x in found)
  # A bootstrap of five runs is too narrow; the share of false alarms must
  # still be small enough for a check that runs often.
  assert alarms <= 6


def test_one_task_is_compared_once():
  rng = np.random.default_rng(2)
  runs = _runs(tasks=_TASKS[:1])
  old = _results(runs, rng)
  assert len(comparison.compare(runs, old, old)) == 1


def test_results_that_do_not_belong_together_are_refused():
  rng = np.random.default_rng(3)
  runs = _runs()
  old, new = _results(runs, rng), _results(runs, rng)
  new[runs[0].curve][runs[0].seed] = {0: 1.0, 150: 2.0}
  with pytest.raises(ValueError, match='the new results lack 1 of 10 runs'):
    comparison.compare(runs, old, new)
  new[runs[0].curve][runs[0].seed] = {0: 1.0, 300: 2.0}
  with pytest.raises(ValueError, match=r'after \[150, 300\] steps'):
    comparison.compare(runs, old, new)
  runs = _runs(num_seeds=1)
  old = _results(runs, rng)
  with pytest.raises(ValueError, match='at least 2 runs'):
    comparison.compare(runs, old, old)
