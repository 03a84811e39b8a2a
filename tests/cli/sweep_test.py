"""`quinoa sweep` makes runs, says how far they are, and makes no run twice."""

import csv
import json
import os

import pytest

_RUNS = {
  'runs': [
    {
      'agent': 'quinoa',
      'preset': 'debug',
      'env_names': ['control:cartpole:balance'],
      'seeds': [0, 1],
      'num_steps': 300,
      'eval_every': 150,
      'evaluation_episodes': 1,
    }
  ]
}


@pytest.mark.slow
def test_a_sweep_from_first_to_last(quinoa):
  (quinoa.cwd / 'mine.json').write_text(json.dumps(_RUNS))
  core = f'--cores={min(os.sched_getaffinity(0))}'
  asked = quinoa('sweep', 'mine.json', '--status')
  assert asked.returncode == 0, asked.stderr
  assert '0 of 2 runs are done, 0 under way, 0 cut, 2 to come.' in asked.stdout
  assert 'is known after two evaluations' in asked.stdout
  assert (
    '  to come: quinoa debug cartpole-balance, seeds 0, 1\n' in asked.stdout
  )
  # It only looks.
  assert [path.name for path in quinoa.cwd.iterdir()] == ['mine.json']
  made = quinoa('sweep', 'mine.json', core, '--only=seed1')
  assert made.returncode == 0, made.stderr
  table = quinoa.cwd / 'runs' / 'mine' / 'results.csv'
  assert f'Results: {table}' in made.stdout
  with table.open() as file:
    rows = list(csv.DictReader(file))
  assert {row['seed'] for row in rows} == {'1'}
  assert [row['actor_steps'] for row in rows] == ['0', '150', '300']
  asked = quinoa('sweep', 'mine.json', '--status', core)
  assert '1 of 2 runs are done, 0 under way, 0 cut, 1 to come.' in asked.stdout
  assert 'left on 1 core, at the speed so far.' in asked.stdout
  # What is done is not made again.
  again = quinoa('sweep', 'mine.json', core, '--only=seed1')
  assert '1 of 1 runs are done.' in again.stdout
  assert 'core' not in again.stdout


@pytest.mark.slow
def test_a_run_with_action_repeat_is_a_row_with_frames(quinoa):
  [entry] = _RUNS['runs']
  entry = {**entry, 'seeds': [0], 'action_repeat': 2, 'num_steps': 150}
  (quinoa.cwd / 'mine.json').write_text(json.dumps({'runs': [entry]}))
  core = f'--cores={min(os.sched_getaffinity(0))}'
  made = quinoa('sweep', 'mine.json', core)
  assert made.returncode == 0, made.stderr
  label = 'quinoa-debug-cartpole-balance-repeat2-seed0'
  folder = quinoa.cwd / 'runs' / 'mine'
  config = json.loads((folder / label / 'config.json').read_text())
  assert config['action_repeat'] == 2
  with (folder / 'results.csv').open() as file:
    row = list(csv.DictReader(file))[-1]
  assert (row['task'], row['action_repeat']) == ('cartpole-balance', '2')
  assert (row['actor_steps'], row['actor_frames']) == ('150', '300')
  asked = quinoa('sweep', 'mine.json', '--status', core)
  assert '1 of 1 runs are done' in asked.stdout
