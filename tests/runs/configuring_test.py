"""Tests of what a run is to be, by the names and texts of a command line."""

import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.runs import configuring


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
  return configuring.make_config(**given)


def test_presets_and_overrides():
  config = _make(preset='paper', overrides={'batch_size': '512'})
  assert config.agent.batch_size == 512
  assert config.agent.learning_rate == quinoa.QuinoaConfig.paper().learning_rate


def test_default_workdir_is_named_by_task_time_and_seed():
  workdir = _make().workdir
  assert workdir.startswith('runs/cartpole_swingup-')
  assert workdir.endswith('-seed3')


def test_default_workdirs_of_one_second_differ():
  workdirs = [configuring.default_workdir('control:a:b', 0) for _ in range(50)]
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


def test_an_unknown_preset_is_told_with_the_nearest():
  with pytest.raises(ValueError, match="did you mean 'direct'"):
    configuring.find_preset('quinoa', 'dirct')
  with pytest.raises(ValueError, match='unknown algorithm'):
    configuring.find_preset('mpo', 'default')


def test_an_unknown_launch_type_is_told():
  with pytest.raises(ValueError, match='--run_distributed=false'):
    configuring.check_launch_type('local')
  configuring.check_launch_type('local_mp')
