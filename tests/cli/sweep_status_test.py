"""How far a sweep is, by what its runs have written."""

import dataclasses
import fcntl
import os

import pytest

from quinoa_acme.cli import sweep_status
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps


def _runs(*seeds):
  return [
    sweeps.Run('quinoa', 'default', 'control:walker:walk', seed, 1000)
    for seed in seeds
  ]


def _log(workdir, *rows):
  (workdir / 'logs').mkdir(parents=True)
  lines = ['wall_clock,actor_steps,learner_steps,episode_return,']
  lines[0] += 'evaluation_episodes'
  lines += [f'{seconds},{steps},0,1.5,10' for seconds, steps in rows]
  (workdir / 'logs' / 'evaluator.csv').write_text('\n'.join(lines) + '\n')
  (workdir / 'config.json').write_text(
    '{"evaluation": "mode", "version": "1", "commit": "c"}'
  )


def test_each_state_is_told(tmp_path):
  runs = _runs(0, 1, 2, 3)
  folder, table = tmp_path / 'runs', tmp_path / 'table.csv'
  _log(folder / runs[0].label, (0.0, 0), (50.0, 500), (100.0, 1000))
  # Stopped for a night, which says nothing of its speed.
  cut = (0.0, 0), (20.0, 200), (40_000.0, 400), (40_020.0, 600)
  _log(folder / runs[1].label, *cut)
  _log(folder / runs[2].label, (0.0, 0))
  lock = os.open(folder / runs[2].label, os.O_RDONLY)
  fcntl.flock(lock, fcntl.LOCK_EX)
  try:
    found = sweep_status.look(runs, folder, table)
  finally:
    os.close(lock)
  assert [(x.state, x.steps) for x in found] == [
    (sweep_status.DONE, 1000),
    (sweep_status.CUT, 600),
    (sweep_status.UNDER_WAY, 0),
    (sweep_status.TO_COME, 0),
  ]
  assert [x.seconds_per_step for x in found] == [0.1, 0.1, None, None]
  # 400, 1000 and 1000 steps.
  assert sweep_status.seconds_left(found, 1) == pytest.approx(240.0)
  # None is made by two.
  assert sweep_status.seconds_left(found, 2) == pytest.approx(120.0)
  assert sweep_status.seconds_left(found, 9) == pytest.approx(100.0)
  assert list(sweep_status.describe(found, 2)) == [
    '1 of 4 runs are done, 1 under way, 1 cut, 1 to come.',
    'About 2 min 0 s left on 2 cores, at the speed so far.',
    f'  cut: {runs[1].label}, 600 of 1,000 steps',
    f'  under way: {runs[2].label}, 0 of 1,000 steps',
    '  to come: quinoa default walker-walk, seeds 3',
  ]


def test_frames_are_told_where_they_are_more(tmp_path):
  [run] = _runs(0)
  run = dataclasses.replace(run, action_repeat=2)
  _log(tmp_path / run.label, (0.0, 0), (50.0, 500))
  found = sweep_status.look([run], tmp_path, tmp_path / 'table.csv')
  assert list(sweep_status.describe(found, 1))[1:] == [
    'About 50 s left on 1 core, at the speed so far.',
    f'  cut: {run.label}, 500 of 1,000 steps (2,000 frames)',
  ]


def test_runs_that_were_made_elsewhere_tell_their_speed(tmp_path):
  runs = _runs(0, 1, 2)
  table = tmp_path / 'table.csv'
  rows = [
    {
      **dict.fromkeys(results.COLUMNS, 0),
      'agent': 'quinoa',
      'preset': 'default',
      'task': 'walker-walk',
      'actor_steps': steps,
      'wall_clock': steps / 5,
    }
    for steps in (0, 500, 1000)
  ]
  results.update_table(table, rows)
  found = sweep_status.look(runs, tmp_path / 'runs', table)
  assert [x.seconds_per_step for x in found] == [0.2, None, None]
  # Two runs of a thousand steps.
  assert sweep_status.seconds_left(found, 1) == pytest.approx(400.0)


def test_a_sweep_that_is_done_needs_no_time(tmp_path):
  runs = _runs(0)
  _log(tmp_path / runs[0].label, (0.0, 0), (50.0, 1000))
  found = sweep_status.look(runs, tmp_path, tmp_path / 'table.csv')
  assert list(sweep_status.describe(found, 1)) == [
    '1 of 1 runs are done, 0 under way, 0 cut, 0 to come.'
  ]
