"""Tests of recording a data set, and of learning from one."""

import dataclasses

from acme import specs
import numpy as np
import pytest

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.data import minari_files
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local
from quinoa_acme.runs import offline
from quinoa_acme.runs import running

_NAME = 'control:cartpole:balance'
_FACTORY = environments.EnvironmentFactory(_NAME)
# Data are transitions of one step.
_AGENT = dataclasses.replace(
  quinoa.QuinoaConfig.debug(), returns=quinoa.OneStep()
)


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> experiment.ExperimentConfig:
  """A run that was trained a little."""
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=_FACTORY,
    env_name=_NAME,
    workdir=str(tmp_path_factory.mktemp('run')),
    num_steps=300,
    eval_every=1000,
    evaluation_episodes=1,
  )
  config.write_json()
  local.run(config)
  return config


@pytest.fixture(scope='module')
def data(run, tmp_path_factory) -> str:
  """What its policy does."""
  path = tmp_path_factory.mktemp('data') / 'data.npz'
  row = offline.record(running.read_config(run.workdir), 1500, path)
  assert row['evaluation_episodes'] == 2
  assert 0 < row['episode_return'] < 1000
  return str(path)


@pytest.mark.slow
def test_whole_episodes_are_recorded(data):
  spec = specs.make_environment_spec(_FACTORY(0))
  replay = replay_lib.TransitionReplay.load(data, spec, seed=0)
  assert len(replay) == replay.num_inserted == 2000
  batch = replay.sample(64)
  assert np.ptp(batch.action) > 0.1
  # Sampled anew: by the seed given, not by the recorder's.
  again = replay_lib.TransitionReplay.load(data, spec, seed=0).sample(64)
  np.testing.assert_array_equal(batch.action, again.action)
  other = replay_lib.TransitionReplay.load(data, spec, seed=1).sample(64)
  assert np.any(batch.action != other.action)


@pytest.mark.slow
def test_a_minari_data_set_is_the_same_data(run, data, tmp_path):
  folder = tmp_path / 'cartpole-v0'
  row = offline.record(running.read_config(run.workdir), 1500, folder, 'minari')
  assert row['evaluation_episodes'] == 2
  # Of the same policy, with the same seed.
  spec = specs.make_environment_spec(_FACTORY(0))
  replay = replay_lib.TransitionReplay.load(data, spec, seed=0)
  other = minari_files.load(f'minari:{folder}', spec, seed=0)
  for column, same in zip(
    replay.state().columns, other.state().columns, strict=True
  ):
    np.testing.assert_array_equal(column, same)
  config = offline.OfflineConfig(
    agent=_AGENT,
    data=f'minari:{folder}',
    environment_factory=_FACTORY,
    num_learner_steps=20,
    evaluation_episodes=1,
  )
  [(_, row)] = offline.train(config, 'bc')
  assert 0 < row['episode_return'] < 1000
  config = dataclasses.replace(config, action_repeat=2)
  with pytest.raises(ValueError, match='was recorded at action repeat 1'):
    next(offline.train(config, 'bc'))


def test_an_unknown_format_is_refused(tmp_path):
  config = experiment.ExperimentConfig(
    agent=_AGENT,
    environment_factory=_FACTORY,
    env_name=_NAME,
    workdir=str(tmp_path),
  )
  with pytest.raises(ValueError, match='expected one of npz, minari'):
    offline.record(config, 10, tmp_path / 'data', 'hdf5')


@pytest.mark.slow
def test_an_episode_longer_than_what_is_asked_for_is_whole(run, tmp_path):
  path = tmp_path / 'data.npz'
  offline.record(run, 10, path)
  spec = specs.make_environment_spec(_FACTORY(0))
  assert len(replay_lib.TransitionReplay.load(path, spec, seed=0)) == 1000


@pytest.mark.slow
def test_an_episode_without_an_end_is_refused(run, tmp_path, monkeypatch):
  monkeypatch.setattr(offline, '_LONGEST_EPISODE', 50)
  with pytest.raises(ValueError, match='took more than 50 steps'):
    offline.record(run, 10, tmp_path / 'data.npz')
  assert not list(tmp_path.iterdir())


def test_targets_over_several_steps_are_refused():
  agent = dataclasses.replace(
    quinoa.QuinoaConfig.offline(), returns=quinoa.SoftReturn()
  )
  with pytest.raises(ValueError, match='data are one-step transitions'):
    offline.OfflineConfig(agent, 'data.npz', _FACTORY)


@pytest.mark.slow
@pytest.mark.parametrize('algorithm', sorted(offline.ALGORITHMS))
def test_it_learns_from_data_alone(data, algorithm):
  agent = dataclasses.replace(_AGENT, conservatism=0.1)
  config = offline.OfflineConfig(
    agent=agent,
    data=data,
    environment_factory=_FACTORY,
    num_learner_steps=40,
    eval_every=20,
    evaluation_episodes=1,
  )
  rows = list(offline.train(config, algorithm))
  assert [steps for steps, _ in rows] == [20, 40]
  assert all(0 < row['episode_return'] < 1000 for _, row in rows)


@pytest.mark.slow
def test_data_of_another_task_are_refused(data):
  config = offline.OfflineConfig(
    agent=_AGENT,
    data=data,
    environment_factory=environments.EnvironmentFactory('control:walker:walk'),
  )
  with pytest.raises(ValueError, match='it is from another replay'):
    next(offline.train(config, 'quinoa'))


@pytest.mark.slow
def test_data_of_another_action_repeat_are_refused(run, data, tmp_path):
  assert replay_lib.read_action_repeat(data) == 1
  path = tmp_path / 'data.npz'
  # Episodes of 1000 frames are 334 steps of three.
  row = offline.record(dataclasses.replace(run, action_repeat=3), 10, path)
  assert 0 < row['episode_return'] < 1000
  spec = specs.make_environment_spec(_FACTORY(0))
  replay = replay_lib.TransitionReplay.load(path, spec, seed=0)
  assert len(replay) == 334
  assert replay.sample(500).reward.max() > 1
  assert replay_lib.read_action_repeat(path) == 3
  config = offline.OfflineConfig(
    agent=_AGENT,
    data=str(path),
    environment_factory=_FACTORY,
    num_learner_steps=20,
    evaluation_episodes=1,
  )
  with pytest.raises(
    ValueError, match=r'at action repeat 3, but .* at 1\. Give --action_re'
  ):
    next(offline.train(config, 'bc'))
  config = dataclasses.replace(config, action_repeat=3)
  [(_, row)] = offline.train(config, 'bc')
  assert 0 < row['episode_return'] < 1000


def test_data_of_a_version_without_action_repeat_have_1(tmp_path):
  np.savez(tmp_path / 'data.npz', column_0=np.zeros(3))
  assert replay_lib.read_action_repeat(tmp_path / 'data.npz') == 1


@pytest.mark.slow
def test_a_run_without_a_checkpoint_has_no_policy(run, tmp_path):
  run = dataclasses.replace(run, workdir=str(tmp_path))
  with pytest.raises(FileNotFoundError, match='no checkpoint'):
    offline.record(run, 10, tmp_path / 'data.npz')
