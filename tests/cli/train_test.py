"""`quinoa train` by options of options, by Launchpad's flags, and cut."""

import csv
import json
import pathlib
import signal
import subprocess
import sys

import pytest
import waiting

import quinoa_acme
from quinoa_acme.cli import train

_EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / 'examples'


@pytest.mark.slow
def test_an_option_of_the_preset_s_option_is_changed(trained):
  config = json.loads((trained / 'config.json').read_text())
  # Two in the preset, whose other fields stay.
  assert config['agent']['flow']['num_couplings'] == 3
  assert config['agent']['flow']['hidden_sizes'] == [16]


@pytest.mark.parametrize(
  ('arguments', 'agent', 'rest'),
  [
    ('--seed=1', 'quinoa', ['--seed=1']),
    ('--agent=sac --seed=1', 'sac', ['--seed=1']),
    ('--seed 1 --agent sac', 'sac', ['--seed', '1']),
    ('--seed=1 -- --agent=sac', 'quinoa', ['--seed=1', '--', '--agent=sac']),
    ('--agent', '', []),
  ],
)
def test_the_agent_is_taken_out(arguments, agent, rest):
  assert train.take_agent(arguments.split()) == (agent, rest)


@pytest.mark.parametrize('agent', ['quinoa', 'sac'])
def test_all_flags_are_told_on_demand(agent, quinoa):
  result = quinoa.lightly('train', f'--agent={agent}', '--helpfull')
  assert result.returncode == 0
  assert 'Replay and the update ratio:' in result.stdout
  assert ('SACConfig:' in result.stdout) == (agent == 'sac')


@pytest.mark.slow
def test_an_agent_of_one_s_own_is_known_by_its_module(quinoa):
  path = _EXAMPLES / 'own_agent.py'
  result = quinoa('train', '--agent=td3', f'--modules={path}', '--helpfull')
  assert result.returncode == 0, result.stderr
  assert 'TD3Config:' in result.stdout
  assert '--sigma' in result.stdout
  result = quinoa('train', '--agent=td4', '--modules', str(path))
  assert result.returncode == 1
  assert "did you mean 'td3'?" in result.stderr
  result = quinoa('train', '--agent=td3', '--modules=nowhere.py')
  assert result.returncode == 1
  assert "modules='nowhere.py': not found" in result.stderr
  assert 'Traceback' not in result.stderr


@pytest.mark.slow
def test_launchpad_s_flags_are_there(quinoa):
  result = quinoa(
    'train',
    '--agent=sac',
    '--lp_launch_type=test_mt',
    '--env_name=control:cartpole:balance',
    '--preset=debug',
    '--num_steps=300',
    '--action_repeat=2',
    '--eval_every=300',
    '--evaluation_episodes=1',
    '--workdir=run',
  )
  assert result.returncode == 0, result.stderr
  assert 'Done after 300 steps (600 frames)' in result.stdout
  # Launchpad's nodes have rows of their own, with their frames.
  for label in ('memory', 'evaluator', 'learner'):
    with (quinoa.cwd / 'run' / 'logs' / f'{label}.csv').open() as file:
      row = list(csv.DictReader(file))[-1]
    assert float(row['actor_frames']) == 2 * float(row['actor_steps'])
  config = json.loads((quinoa.cwd / 'run' / 'config.json').read_text())
  assert config['agent']['type'] == 'SACConfig'


@pytest.mark.slow
def test_action_repeat_from_training_to_a_data_set(quinoa):
  train = (
    'train',
    '--env_name=control:cartpole:balance',
    '--preset=debug',
    '--run_distributed=false',
    '--eval_every=150',
    '--evaluation_episodes=1',
    '--workdir=run',
  )
  result = quinoa(*train, '--action_repeat=2', '--num_steps=150')
  assert result.returncode == 0, result.stderr
  assert 'Done after 150 steps (300 frames)' in result.stdout
  # Frames without the flag are another task.
  result = quinoa(*train, '--num_steps=300')
  assert result.returncode == 1
  assert 'action_repeat: was 2, is now 1' in result.stderr
  result = quinoa(*train, '--action_repeat=2', '--num_steps=300')
  assert 'Done after 300 steps (600 frames)' in result.stdout
  with (quinoa.cwd / 'run' / 'logs' / 'evaluator.csv').open() as file:
    rows = list(csv.DictReader(file))
  assert [(x['actor_steps'], x['actor_frames']) for x in rows] == [
    ('0', '0'),
    ('150', '300'),
    ('300', '600'),
  ]
  result = quinoa('evaluate', 'run', '--episodes=1')
  assert result.returncode == 0, result.stderr
  assert 'each action repeated for 2 frames' in result.stdout.splitlines()[0]
  # 1000 frames are 500 steps.
  result = quinoa('record', 'run', '--output=d.npz', '--num_transitions=500')
  assert result.stdout.startswith('d.npz: 1 episodes with')
  assert result.stdout.endswith(', each transition of 2 frames.\n')
  policy = quinoa_acme.load_policy(quinoa.cwd / 'run')
  assert policy.action_repeat == 2
  assert policy.spec.rewards.dtype == 'float32'


@pytest.mark.slow
def test_ctrl_c_ends_a_run_in_order(tmp_path):
  process = subprocess.Popen(
    [
      *(sys.executable, '-m', 'quinoa_acme', 'train', '--preset=debug'),
      *('--env_name=control:cartpole:balance', '--run_distributed=false'),
      *('--num_steps=1000000', '--evaluation_episodes=1', '--workdir=run'),
    ],
    cwd=tmp_path,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  # After the evaluation at the start.
  evaluated = tmp_path / 'run' / 'logs' / 'evaluator.csv'
  waiting.wait_until(evaluated.exists, 'the first evaluation')
  process.send_signal(signal.SIGINT)
  output, errors = process.communicate(timeout=waiting.LIMIT)
  assert process.returncode == 0, errors
  assert 'Stopped after' in output
  assert 'Traceback' not in errors
