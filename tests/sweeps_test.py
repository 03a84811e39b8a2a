"""Tests of sweeps: reading, running, going on, and the table of results."""

import csv
import json
import pathlib

import pytest

from quinoa_acme import options
from quinoa_acme import running
from quinoa_acme import sweeps

_ROOT = pathlib.Path(__file__).resolve().parents[1]
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
  runs = sweeps.read(_write(tmp_path / 'a.json', _ENTRY))
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
  run = sweeps.read(_write(tmp_path / 'a.json', entry))[0]
  assert run.preset_name == 'debug/small'
  assert run.label == 'quinoa-debug-small-cartpole-balance-seed3'
  assert run.command(tmp_path)[-1] == '--batch_size=16'


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'preset': 'debgu'}, "entry 1: .*no preset 'debgu'"),
    ({'agent': 'ppo'}, "entry 1: .*of agent 'ppo'"),
    ({'flags': {'batch_size': 16}}, 'entry 1: .*needs a variant'),
    ({'variant': 'same'}, 'entry 1: .*needs a variant'),
    ({'sedes': [1]}, "entry 1: .*unknown .'sedes'"),
    ({}, 'has runs twice: .*seed3'),
  ],
)
def test_a_sweep_of_no_sense_is_refused(tmp_path, change, message):
  path = _write(tmp_path / 'a.json', _ENTRY, {**_ENTRY, **change})
  with pytest.raises(ValueError, match=message):
    sweeps.read(path)


def _table(path: pathlib.Path) -> list[dict[str, str]]:
  with path.open(newline='') as file:
    return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_sweep_is_run_and_skipped_when_done(tmp_path, capsys):
  entries = [
    {
      'agent': agent,
      'preset': 'debug',
      'env_names': ['control:cartpole:balance'],
      'seeds': [0],
      'num_steps': 300,
      'eval_every': 150,
      'evaluation_episodes': 1,
    }
    for agent in ('quinoa', 'sac')
  ]
  runs = sweeps.read(_write(tmp_path / 'small.json', *entries))
  table = tmp_path / 'results' / 'small.csv'
  assert sweeps.execute(runs, tmp_path / 'runs', table, [0]) == []
  rows = _table(table)
  assert list(rows[0]) == list(sweeps.COLUMNS)
  assert [(row['agent'], row['actor_steps']) for row in rows] == [
    (agent, steps)
    for agent in ('quinoa', 'sac')
    for steps in ('0', '150', '300')
  ]
  assert [row['learner_steps'] for row in rows[:3]] == ['0', '50', '200']
  assert float(rows[2]['wall_clock']) > float(rows[1]['wall_clock']) > 0
  assert rows[0]['evaluation'] == 'MostLikely(num_samples=16)'
  assert rows[3]['evaluation'] == 'mode'
  capsys.readouterr()
  assert sweeps.execute(runs, tmp_path / 'runs', table, [0]) == []
  assert capsys.readouterr().out == '2 of 2 runs are done.\n'
  assert _table(table) == rows
  # Results that were made elsewhere stay.
  sweeps.collect(runs[:1], tmp_path / 'elsewhere', table)
  assert _table(table) == rows


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_run_that_fails_is_named(tmp_path):
  entry = {**_ENTRY, 'env_names': ['control:cartpole:balance'], 'seeds': [0]}
  entry |= {'variant': 'none', 'flags': {'batch_size': 0}}
  runs = sweeps.read(_write(tmp_path / 'a.json', entry))
  failed = sweeps.execute(runs, tmp_path / 'runs', tmp_path / 'a.csv', [0])
  assert failed == ['quinoa-debug-none-cartpole-balance-seed0']
  output = (tmp_path / 'runs' / failed[0] / 'output.txt').read_text()
  assert 'batch_size must be a whole number' in output


@pytest.mark.parametrize(
  'sweep', sorted((_ROOT / 'experiments' / 'sweeps').glob('*.json')), ids=str
)
def test_the_committed_sweeps_are_sound(sweep):
  for run in sweeps.read(sweep):
    preset = running.PRESETS[run.agent][run.preset]()
    config = options.replace(preset, dict(run.flags))
    assert (config == preset) == (not run.variant)
