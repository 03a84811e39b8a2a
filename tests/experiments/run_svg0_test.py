"""SVG(0)'s script as a program of several processes."""

import pathlib
import subprocess
import sys

import pytest

from quinoa_acme.runs.watching import loggers

_SCRIPT = (
  pathlib.Path(__file__).resolve().parents[2] / 'experiments' / 'run_svg0.py'
)


@pytest.mark.slow
def test_a_program_of_processes_trains_to_its_end(tmp_path):
  subprocess.run(
    [
      sys.executable,
      str(_SCRIPT),
      '--lp_launch_type=local_mp',
      '--env_name=control:cartpole:balance',
      '--preset=debug',
      '--policy=SquashedGaussianConfig(hidden_sizes=(16,))',
      '--regularisation=EntropyRegularisation(0.1)',
      '--evaluation_episodes=1',
      '--eval_every=1000',
      '--num_steps=600',
      f'--workdir={tmp_path}',
    ],
    check=True,
  )
  last = loggers.read_rows(tmp_path / 'logs' / 'evaluator.csv')[-1]
  assert last['actor_steps'] >= 600
  assert last['learner_steps'] >= 300
  row = loggers.read_rows(tmp_path / 'logs' / 'learner.csv')[-1]
  assert row['critic_loss'] > 0
  assert 'entropy' in row
  assert list((tmp_path / 'checkpoints' / 'learner').glob('*.npz'))
