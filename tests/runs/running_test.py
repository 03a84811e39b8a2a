"""Tests of the configuration that a command line makes."""

import dataclasses
import os
import subprocess
import sys

import experiment_scripts
import numpy as np
import pytest

from quinoa_acme.runs import experiment
from quinoa_acme.runs import running


def _make(**changes):
  given = {
    'env_name': 'control:cartpole:swingup',
    'algorithm': 'quinoa',
    'preset': 'debug',
    'overrides': {},
    'workdir': None,
    'seed': 3,
    **changes,
  }
  return running.make_config(**given)


def test_the_configuration_of_a_run_is_read_from_its_folder(tmp_path):
  config = _make(workdir=str(tmp_path), preset='paper')
  config.write_json()
  assert running.read_config(str(tmp_path)) == config


def test_a_folder_of_no_run_has_no_configuration(tmp_path):
  with pytest.raises(FileNotFoundError, match='Give the folder of a run'):
    running.read_config(str(tmp_path))


def test_the_configuration_of_an_unknown_agent_is_refused(tmp_path):
  config = _make(workdir=str(tmp_path))
  path = config.write_json()
  path.write_text(path.read_text().replace('QuinoaConfig', 'OtherConfig'))
  with pytest.raises(ValueError, match="of the agent 'OtherConfig'"):
    running.read_config(str(tmp_path))


@pytest.mark.slow
def test_a_run_that_looks_wrong_warns_on_the_terminal_and_in_its_logs(
  tmp_path, tiny_config, point_mass, capsys
):
  class PaysInTraining(point_mass):
    """What V says of it is not what an evaluation gets."""

    def __init__(self, seed):
      super().__init__(seed)
      self._reward = 0.0 if seed in evaluators else 10.0

    def step(self, action):
      timestep = super().step(action)
      return timestep._replace(reward=np.float32(self._reward))

  config = experiment.ExperimentConfig(
    agent=tiny_config,
    environment_factory=PaysInTraining,
    env_name='pays_in_training',
    workdir=str(tmp_path),
    num_steps=500,
    eval_every=100,
    evaluation_episodes=1,
  )
  evaluators = {
    config.seed_of(f'evaluator at {steps}') for steps in range(0, 600, 100)
  }
  assert running.run(config, launch_type=None) == 0
  lines = capsys.readouterr().out.splitlines()
  warnings = [line for line in lines if line.startswith('Warning: V is ')]
  # When it begins, and at the end.
  assert len(warnings) == 2
  assert 'discounted return of 0: it is inflated' in warnings[0]
  assert lines.index(warnings[1]) == len(lines) - 3
  noted = (tmp_path / 'logs' / 'warnings.txt').read_text().splitlines()
  assert noted[-1] == f'500 steps: {warnings[1].removeprefix("Warning: ")}'


@pytest.mark.slow
def test_discrete_actions_are_refused_in_a_line(tmp_path):
  script = experiment_scripts.EXPERIMENTS / 'run_quinoa.py'
  result = subprocess.run(
    [
      sys.executable,
      str(script),
      '--env_name=gymnasium:CartPole-v1',
      f'--workdir={tmp_path}/new',
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 1
  assert result.stdout == ''
  [line] = result.stderr.strip().splitlines()
  assert line.startswith('error: The policy needs a bounded, continuous action')
  assert not list(tmp_path.iterdir())


def _break(seed):
  raise RuntimeError(f'no simulator\nfor seed {seed}')


def _refuse(seed):
  raise ValueError(f'no such\ntask {seed > 0}')


@pytest.mark.parametrize('algorithm', running.PRESETS)
@pytest.mark.parametrize('launch_type', [None, 'local_mp'])
def test_what_can_not_act_is_refused_before_anything(
  launch_type, algorithm, tmp_path
):
  config = _make(
    env_name='gymnasium:CartPole-v1',
    algorithm=algorithm,
    workdir=str(tmp_path / 'new'),
  )
  with pytest.raises(running.RefusedError) as error:
    running.run(config, launch_type)
  assert len(str(error.value).splitlines()) == 1
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  ('factory', 'message'),
  [
    (_break, "'control:.*' cannot be made: RuntimeError: no simulator for"),
    (_refuse, '^no such task True$'),
  ],
)
def test_an_environment_that_is_not_made_is_said_in_a_line(
  factory, message, tmp_path
):
  config = dataclasses.replace(
    _make(workdir=str(tmp_path / 'new')), environment_factory=factory
  )
  with pytest.raises(running.RefusedError, match=message):
    running.run(config, None)
  assert not list(tmp_path.iterdir())


_CHECK = """
from quinoa_acme.utils import resources
resources.configure_process('learner')
from quinoa_acme.runs.distributed import forking
from quinoa_acme.runs import running
config = running.make_config(
  'control:cartpole:swingup', 'quinoa', 'debug', {}, 'new'
)
running.check(config, 'local_mp')
assert forking.can_fork()
"""


@pytest.mark.slow
def test_the_look_starts_no_thread_that_forks_would_miss(tmp_path):
  subprocess.run(
    [sys.executable, '-c', _CHECK], cwd=tmp_path, check=True, timeout=200
  )
  assert not os.listdir(tmp_path)
