"""`quinoa train` by options of options, by Launchpad's flags, and cut."""

import json
import pathlib
import signal
import subprocess
import sys

import pytest
import waiting

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
    '--eval_every=300',
    '--evaluation_episodes=1',
    '--workdir=run',
  )
  assert result.returncode == 0, result.stderr
  assert 'Done after 300 steps' in result.stdout
  # Launchpad's nodes have rows of their own.
  assert (quinoa.cwd / 'run' / 'logs' / 'memory.csv').exists()
  config = json.loads((quinoa.cwd / 'run' / 'config.json').read_text())
  assert config['agent']['type'] == 'SACConfig'


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
