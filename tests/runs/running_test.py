"""Tests of the configuration that a command line makes."""

import pytest

from quinoa_acme.agents import quinoa
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
