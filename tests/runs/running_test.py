"""Tests of the configuration that a command line makes."""

import numpy as np
import pytest

from quinoa_acme.agents import quinoa
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


def test_presets_and_overrides():
  config = _make(preset='paper', overrides={'batch_size': '512'})
  assert config.agent.batch_size == 512
  assert config.agent.learning_rate == quinoa.QuinoaConfig.paper().learning_rate


def test_default_workdir_is_named_by_task_time_and_seed():
  workdir = _make().workdir
  assert workdir.startswith('runs/cartpole_swingup-')
  assert workdir.endswith('-seed3')


def test_default_workdirs_of_one_second_differ():
  workdirs = [running.default_workdir('control:a:b', 0) for _ in range(50)]
  assert len(set(workdirs)) == 50


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'env_name': 'control:cheetah:rum'}, 'control:cheetah:run'),
    ({'overrides': {'batch_size': '0'}}, 'batch_size must be'),
    ({'overrides': {'min_replay_size': '20000'}}, 'max_replay_size'),
    ({'num_actors': 0}, 'num_actors must be'),
    ({'num_steps': 100}, 'must be above min_replay_size'),
    ({'seed': -1}, 'seed must be'),
  ],
)
def test_says_what_was_wrong(changes, message):
  with pytest.raises(ValueError, match=message):
    _make(**changes)


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
