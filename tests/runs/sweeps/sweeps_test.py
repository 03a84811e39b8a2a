"""Tests of sweeps: reading them, and what of them is done."""

import csv
import dataclasses
import json
import pathlib

import pytest
import script_flags

from quinoa_acme.runs import command_line
from quinoa_acme.runs import running
from quinoa_acme.runs import usage as usage_lib
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps
from quinoa_acme.runs.watching import loggers

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_ENTRY = {
  'agent': 'quinoa',
  'preset': 'debug',
  'env_names': ['control:cartpole:balance', 'control:walker:walk'],
  'seeds': [3, 4],
  'num_steps': 300,
}


def _write(path: pathlib.Path, *entries) -> pathlib.Path:
  path.write_text(json.dumps({'runs': entries}))
  return path


def test_an_entry_is_a_run_of_each_environment_and_seed(tmp_path):
  runs = sweeps.read(_write(tmp_path / 'a.json', _ENTRY)).runs
  assert [(run.task, run.seed) for run in runs] == [
    ('cartpole-balance', 3),
    ('cartpole-balance', 4),
    ('walker-walk', 3),
    ('walker-walk', 4),
  ]
  assert runs[0].label == 'quinoa-debug-cartpole-balance-seed3'
  command = runs[0].command(tmp_path)
  assert '--num_steps=300' in command
  assert '--run_distributed=false' in command


def test_a_variant_has_a_name_and_flags(tmp_path):
  entry = {**_ENTRY, 'variant': 'small', 'flags': {'batch_size': 16}}
  run = sweeps.read(_write(tmp_path / 'a.json', entry)).runs[0]
  assert run.preset_name == 'debug/small'
  assert run.label == 'quinoa-debug-small-cartpole-balance-seed3'
  assert run.command(tmp_path)[-1] == '--batch_size=16'


def test_an_action_repeat_is_in_name_command_and_rows(tmp_path):
  entries = (_ENTRY, {**_ENTRY, 'action_repeat': 2})
  runs = sweeps.read(_write(tmp_path / 'a.json', *entries)).runs
  assert len(runs) == 8
  run = runs[4]
  assert run.label == 'quinoa-debug-cartpole-balance-repeat2-seed3'
  assert run.curve[2] == 'cartpole-balance, action repeat 2'
  assert '--action_repeat=2' in run.command(tmp_path)
  _log(run, tmp_path / run.label, 0, 300, discounted_return=1.0)
  logger = loggers.CSVLogger(tmp_path / run.label / 'logs' / 'learner.csv')
  logger.write({'actor_steps': 300, 'learner_steps': 200})
  logger.close()
  table = tmp_path / 'a.csv'
  sweeps.collect(runs, tmp_path, table)
  assert sweeps.unfinished(runs, table) == [x for x in runs if x != run]
  for path in (table, table.parent / 'soundness' / table.name):
    with path.open() as file:
      row = list(csv.DictReader(file))[-1]
    assert (row['task'], row['action_repeat']) == ('cartpole-balance', '2')
    assert (row['actor_steps'], row['actor_frames']) == ('300', '600')


@pytest.mark.parametrize('agent', running.PRESETS)
def test_the_command_trains_each_agent(agent):
  run = sweeps.Run(agent, 'default', 'control:walker:walk', 0, 100)
  module, name, flag = run.command(pathlib.Path('runs'))[2:5]
  assert (module, name, flag) == ('quinoa_acme', 'train', f'--agent={agent}')
  assert agent in usage_lib.list_agents()


def test_sweeps_with_one_table_make_the_same_runs_in_the_same_way():
  """Else one sweep's rows would be taken for another's, of other conditions."""
  seen = {}
  for path in sorted((_ROOT / 'experiments' / 'sweeps').glob('*.json')):
    sweep = sweeps.read(path)
    for run in sweep.runs:
      # The rows of a longer run are those of a shorter one too.
      run = dataclasses.replace(run, num_steps=1)
      known = seen.setdefault((sweep.table, run.label), run)
      assert run == known, f'{path.name} has {run.label} under other conditions'


def test_the_table_of_twelve_tasks_is_readable_at_any_moment():
  """All agents end a task before the next, and all tasks before a seed."""
  sweep = sweeps.read(_ROOT / 'experiments' / 'sweeps' / 'twelve_tasks.json')
  runs = sweep.runs
  assert [run.seed for run in runs] == sorted(run.seed for run in runs)
  agents = {(run.agent, run.preset_name) for run in runs}
  assert len(agents) == 4
  assert len(runs) == 4 * 12 * 5
  for start in range(0, len(runs), 4):
    group = runs[start : start + 4]
    assert len({(run.task, run.seed) for run in group}) == 1
    assert {(run.agent, run.preset_name) for run in group} == agents
  assert {(run.num_steps, run.action_repeat) for run in runs} == {(50_000, 2)}


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'preset': 'debgu'}, "entry 1: .*no preset 'debgu'"),
    ({'agent': 'ppo'}, "entry 1: .*of agent 'ppo'"),
    ({'flags': {'batch_size': 16}}, 'entry 1: .*needs a variant'),
    ({'variant': 'same'}, 'entry 1: .*needs a variant'),
    ({'action_repeat': 0}, 'entry 1: .*action_repeat must be a whole number'),
    (
      {'flags': {'action_repeat': 2}, 'variant': 'two'},
      'entry 1: .*action_repeat is no flag of a run',
    ),
    ({'sedes': [1]}, "entry 1: .*unknown .'sedes'"),
    ({}, 'has runs twice: .*seed3'),
  ],
)
def test_a_sweep_of_no_sense_is_refused(tmp_path, change, message):
  path = _write(tmp_path / 'a.json', _ENTRY, {**_ENTRY, **change})
  with pytest.raises(ValueError, match=message):
    sweeps.read(path)


@pytest.mark.parametrize('content', [{}, {'runs': [], 'tabel': 'x'}])
def test_a_file_that_is_no_sweep_is_refused(tmp_path, content):
  path = tmp_path / 'a.json'
  path.write_text(json.dumps(content))
  with pytest.raises(ValueError, match='is no sweep: it must have "runs"'):
    sweeps.read(path)


def test_a_sweep_may_share_a_table(tmp_path):
  path = _write(tmp_path / 'a.json', _ENTRY)
  assert sweeps.read(path).table == 'a'
  path.write_text(json.dumps({'runs': [_ENTRY], 'table': 'bars'}))
  assert sweeps.read(path).table == 'bars'


def _log(
  run: sweeps.Run, workdir: pathlib.Path, *all_steps: int, **more: float
) -> None:
  """Writes what a run of so many steps leaves behind."""
  config = {'evaluation': 'mode', 'version': '1', 'commit': 'c'}
  workdir.mkdir(parents=True)
  (workdir / 'config.json').write_text(json.dumps(config))
  logger = loggers.CSVLogger(workdir / 'logs' / 'evaluator.csv')
  for steps in all_steps:
    logger.write(
      {
        'actor_steps': steps,
        'learner_steps': steps,
        'episode_return': steps / 10,
        'evaluation_episodes': run.evaluation_episodes,
        **more,
      }
    )
  logger.close()


def test_the_seconds_of_a_program_are_its_learner_s(tmp_path):
  """Else a program would have taken no time at all."""
  run = sweeps.read(_write(tmp_path / 'a.json', _ENTRY)).runs[0]
  folder = tmp_path / run.label
  _log(run, folder, 300, learner_walltime=4.26)
  rows = sweeps.rows_of(run, folder)
  assert [row['wall_clock'] for row in rows] == [4.3]


def test_a_run_is_done_that_the_table_or_its_folder_has(tmp_path):
  runs = sweeps.read(_write(tmp_path / 'a.json', _ENTRY)).runs
  table = tmp_path / 'a.csv'
  _log(runs[0], tmp_path / 'elsewhere' / runs[0].label, 0, 300)
  _log(runs[1], tmp_path / 'elsewhere' / runs[1].label, 0, 150)
  sweeps.collect(runs, tmp_path / 'elsewhere', table)
  _log(runs[2], tmp_path / 'here' / runs[2].label, 0, 300)
  _log(runs[3], tmp_path / 'here' / runs[3].label, 0, 150)
  # A run that was stopped has no row: it would be of fewer seeds than others.
  assert list(results.read_runs([table])) == [runs[0].curve]
  assert list(results.read_runs([table])[runs[0].curve]) == [3]
  left = sweeps.unfinished(runs, table, tmp_path / 'here')
  assert left == [runs[1], runs[3]]
  assert sweeps.unfinished(runs, table) == list(runs[1:])
  assert sweeps.steps_made(runs[3], tmp_path / 'here' / runs[3].label) == 150
  # Made again from the start, a finished run does not lose its rows.
  before = table.read_text()
  _log(runs[0], tmp_path / 'here' / runs[0].label, 0)
  sweeps.collect(runs[:1], tmp_path / 'here', table)
  assert table.read_text() == before


@pytest.mark.parametrize(
  'sweep', sorted((_ROOT / 'experiments' / 'sweeps').glob('*.json')), ids=str
)
def test_the_committed_sweeps_are_sound(sweep, tmp_path):
  """Their runs' commands are read, and a variant is of another run."""
  for run in sweeps.read(sweep).runs:
    _, _, _, *arguments = run.command(tmp_path)
    arguments.remove(f'--agent={run.agent}')
    values = script_flags.define(run.agent)
    values(arguments)
    config, launch_type = command_line.read_flags(run.agent, values)
    assert (config.env_name, config.seed) == (run.env_name, run.seed)
    plain = dataclasses.replace(
      config,
      agent=running.PRESETS[run.agent][run.preset](),
      environments_per_actor=1,
    )
    assert ((config, launch_type) == (plain, None)) == (not run.variant)
