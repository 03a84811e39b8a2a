"""Tests of making the runs of a sweep: going on, failing, and the time left."""

import csv
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest

from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweep_runner
from quinoa_acme.runs.sweeps import sweeps

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_ENTRY = {
  'agent': 'quinoa',
  'preset': 'debug',
  'env_names': ['control:cartpole:balance'],
  'seeds': [0],
  'num_steps': 300,
  'eval_every': 150,
  'evaluation_episodes': 1,
}
_FAST, _SLOW = ('sac', 'debug', 'a'), ('quinoa', 'debug', 'a')


def _write(path: pathlib.Path, *entries) -> pathlib.Path:
  path.write_text(json.dumps({'runs': entries}))
  return path


def _table(path: pathlib.Path) -> list[dict[str, str]]:
  with path.open(newline='') as file:
    return list(csv.DictReader(file))


def test_the_time_left_is_by_the_speed_of_each_curve():
  work = sweep_runner.Work
  made = [work(_FAST, 100, 10.0), work(_SLOW, 100, 30.0)]
  left = [work(_FAST, 200), work(_SLOW, 200), work(('sac', 'x', 'b'), 100)]
  # 20 s, 60 s, and at the mean of 0.2 s a step 20 s.
  assert sweep_runner.seconds_left(made, left, 1) == pytest.approx(100.0)
  # On three cores the longest run decides.
  assert sweep_runner.seconds_left(made, left, 3) == pytest.approx(60.0)
  assert sweep_runner.seconds_left(made, [], 2) == 0.0
  assert sweep_runner.seconds_left([work(_FAST, 0, 5.0)], left, 2) is None


@pytest.mark.slow
def test_a_sweep_is_run_and_skipped_when_done(tmp_path, capsys):
  """Two runs beside each other; then again, held elsewhere, and as a script."""
  path = _write(tmp_path / 'small.json', _ENTRY, {**_ENTRY, 'agent': 'sac'})
  runs = sweeps.read(path).runs
  table = tmp_path / 'results' / 'small.csv'
  folder = tmp_path / 'runs'
  cores = sorted(os.sched_getaffinity(0))[:2]
  assert sweep_runner.execute(runs, folder, table, cores) == []
  rows = _table(table)
  assert list(rows[0]) == list(results.COLUMNS)
  assert [(row['agent'], row['actor_steps']) for row in rows] == [
    (agent, steps)
    for agent in ('quinoa', 'sac')
    for steps in ('0', '150', '300')
  ]
  assert [row['learner_steps'] for row in rows[:3]] == ['0', '45', '195']
  # In tenths of a second.
  assert float(rows[2]['wall_clock']) >= float(rows[1]['wall_clock']) > 0
  assert rows[0]['evaluation'] == 'MostLikely(num_samples=16)'
  assert rows[3]['evaluation'] == 'mode'
  # Both may end between the same two looks: then nothing is ever left.
  assert '2 of 2 runs are done.' in capsys.readouterr().out
  # Done is what the table has, whatever becomes of the folder.
  assert sweep_runner.execute(runs, tmp_path / 'other', table, [0]) == []
  assert capsys.readouterr().out == '2 of 2 runs are done.\n'
  assert _table(table) == rows
  command = [
    *(sys.executable, str(_ROOT / 'experiments' / 'run_suite.py')),
    *(f'--suite={path}', f'--folder={folder}', '--compare'),
  ]
  process = subprocess.run(
    [*command, '--only=quinoa'], capture_output=True, text=True
  )
  # There is nothing to compare with, which is said before anything is run.
  assert process.stdout == ''
  assert 'the committed results lack 1 of 1 runs' in process.stderr
  assert 'without --compare' in process.stderr
  assert process.returncode == 1


def _finish(run: sweeps.Run, workdir: pathlib.Path) -> None:
  """Writes what a finished run leaves, as far as a table is made of it."""
  (workdir / 'logs').mkdir()
  columns = 'actor_steps,learner_steps,episode_return,evaluation_episodes'
  (workdir / 'logs' / 'evaluator.csv').write_text(
    f'{columns}\n{run.num_steps},200,3.5,{run.evaluation_episodes}\n'
  )
  (workdir / 'config.json').write_text(
    json.dumps({'evaluation': 'mode', 'version': '1', 'commit': 'abc'})
  )


def test_a_run_that_is_under_way_elsewhere_is_waited_for(tmp_path, capsys):
  runs = sweeps.read(_write(tmp_path / 'a.json', _ENTRY)).runs
  workdir = tmp_path / 'runs' / runs[0].label
  workdir.mkdir(parents=True)
  lock = os.open(workdir, os.O_RDONLY)
  fcntl.flock(lock, fcntl.LOCK_EX)
  table = tmp_path / 'a.csv'

  def end():
    _finish(runs[0], workdir)
    os.close(lock)

  timer = threading.Timer(2.5, end)
  timer.start()
  assert sweep_runner.execute(runs, tmp_path / 'runs', table, [0]) == []
  assert not timer.is_alive()
  output = capsys.readouterr().out
  assert output.count('is running in another process') == 1
  assert '1 of 1 runs are done.' in output
  assert [row['return'] for row in _table(table)] == ['3.5']
  assert not (workdir / 'output.txt').exists()


@pytest.mark.slow
def test_a_run_that_fails_is_named(tmp_path, capsys):
  entry = {**_ENTRY, 'variant': 'none', 'flags': {'batch_size': 0}}
  runs = sweeps.read(_write(tmp_path / 'a.json', entry)).runs
  table = tmp_path / 'a.csv'
  failed = sweep_runner.execute(runs, tmp_path / 'runs', table, [0])
  assert failed == ['quinoa-debug-none-cartpole-balance-seed0']
  assert f'FAILED by status 1: {failed[0]}' in capsys.readouterr().err
  output = (tmp_path / 'runs' / failed[0] / 'output.txt').read_text()
  assert 'batch_size must be a whole number' in output


@pytest.mark.parametrize('name', ['results.csv', 'soundness/results.csv'])
def test_a_table_of_another_version_is_refused_before_any_run(tmp_path, name):
  table = tmp_path / name
  table.parent.mkdir(exist_ok=True)
  table.write_text('agent,preset,task\n')
  runs = sweeps.read(_write(tmp_path / 'a.json', _ENTRY)).runs
  with pytest.raises(ValueError, match='its columns are'):
    sweep_runner.execute(runs, tmp_path / 'runs', tmp_path / 'results.csv', [0])
  assert not (tmp_path / 'runs').exists()
  assert table.read_text() == 'agent,preset,task\n'
