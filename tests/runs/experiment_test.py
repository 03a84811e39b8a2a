"""Tests of what a run is made of, and of its evaluation."""

import json
import pathlib
import subprocess

from acme import wrappers
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.environments import action_repeat
from quinoa_acme.runs import experiment


@pytest.fixture
def make_config(point_mass, tmp_path):
  def make_config(**options):
    return experiment.ExperimentConfig(
      **{
        'agent': quinoa.QuinoaConfig.debug(),
        'environment_factory': point_mass,
        'env_name': 'point_mass',
        'workdir': str(tmp_path / 'run'),
        **options,
      }
    )

  return make_config


@pytest.mark.parametrize(
  'agent', [quinoa.QuinoaConfig(), quinoa.QuinoaConfig.paper()]
)
def test_the_description_is_json_and_names_every_choice(make_config, agent):
  described = make_config(agent=agent).describe()
  assert json.loads(json.dumps(described)) == json.loads(json.dumps(described))
  assert described['env_name'] == 'point_mass'
  assert described['agent']['learning_rate'] == agent.learning_rate
  temperature = described['agent']['temperature']
  assert temperature['type'] == type(agent.temperature).__name__
  flow = described['agent']['flow']
  assert flow['type'] == type(agent.flow).__name__
  # Where the factory is, if it can be found again.
  assert isinstance(described['environment_factory'], str | None)


def test_the_description_is_written(make_config):
  config = make_config()
  path = config.write_json()
  assert path.name == 'config.json'
  assert json.loads(path.read_text()) == json.loads(
    json.dumps(config.describe())
  )


def _git(root: pathlib.Path, *arguments: str) -> None:
  author = ['-c', 'user.name=a', '-c', 'user.email=a@b']
  subprocess.run(['git', '-C', root, *author, *arguments], check=True)


def test_a_commit_is_marked_if_more_than_results_has_changed(tmp_path):
  """A suite's first runs change its table before the next ones begin."""
  assert experiment.commit_of(tmp_path) == ''
  written = [
    tmp_path / 'experiments' / 'results' / 'quick.csv',
    tmp_path / 'benchmarks' / 'results' / 'speed.json',
    tmp_path / 'docs' / 'speed.md',
  ]
  code = tmp_path / 'quinoa_acme' / 'learner.py'
  for path in (*written, code):
    path.parent.mkdir(parents=True)
    path.write_text('before')
  _git(tmp_path, 'init', '--quiet')
  _git(tmp_path, 'add', '.')
  _git(tmp_path, 'commit', '--quiet', '--message=first')
  clean = experiment.commit_of(tmp_path)
  assert len(clean) >= 7
  for path in written:
    path.write_text('after')
  assert experiment.commit_of(tmp_path) == clean
  code.write_text('after')
  assert experiment.commit_of(tmp_path) == f'{clean}-dirty'
  code.write_text('before')
  assert experiment.commit_of(tmp_path) == clean


def test_every_role_has_a_seed_of_its_own(make_config):
  roles = ('learner', 'actor_0', 'actor_1', 'evaluator', 'replay')
  seeds = {
    make_config(seed=seed).seed_of(role) for seed in range(20) for role in roles
  }
  assert len(seeds) == 20 * len(roles)
  assert all(0 <= seed < 2**31 for seed in seeds)
  assert make_config().seed_of('learner') == make_config().seed_of('learner')


def test_the_spec_and_the_networks(make_config):
  config = make_config()
  spec = config.make_spec()
  assert spec.actions.shape == (1,)
  networks = config.make_agent().make_networks(spec)
  assert networks.example_action.shape == (1, 1)
  assert networks.example_observation.shape == (1, 2)


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'num_steps': 0}, 'num_steps must be a whole number .* is 0'),
    ({'num_steps': 1e5}, 'num_steps must be a whole number .* is 100000.0'),
    ({'num_actors': 0}, 'num_actors'),
    ({'environments_per_actor': 0}, 'environments_per_actor'),
    ({'eval_every': 0}, 'eval_every'),
    ({'evaluation_episodes': 0}, 'evaluation_episodes'),
    ({'seed': -1}, r'seed must be in \[0, 2\*\*32\), but is -1'),
    ({'seed': 2**32}, 'seed must be in'),
    ({'checkpoint_every': 0}, 'checkpoint_every must be positive'),
    ({'action_repeat': 0}, 'action_repeat must be a whole number from 1 to'),
    ({'action_repeat': 1001}, '1000, but is 1001. Give the frames of a step'),
    ({'action_repeat': 2.5}, 'action_repeat must be a whole .* is 2.5'),
    (
      {'num_steps': 100},
      r'num_steps \(100\) must be above min_replay_size \(100\)',
    ),
  ],
)
def test_a_run_of_no_sense_is_refused(make_config, options, message):
  with pytest.raises(ValueError, match=message):
    make_config(**options)


def test_numbers_of_numpy_become_those_of_python(make_config):
  agent = quinoa.QuinoaConfig(
    batch_size=np.int64(64),  # pyright: ignore[reportArgumentType]
    discount=np.float32(0.5),  # pyright: ignore[reportArgumentType]
    value_hidden_sizes=(np.int32(8),),  # pyright: ignore[reportArgumentType]
    fit=quinoa.CriticFit(num_critics=np.int64(1)),  # pyright: ignore[reportArgumentType]
  )
  config = make_config(agent=agent, num_steps=np.int64(5000), seed=np.int8(4))
  assert config == make_config(
    agent=quinoa.QuinoaConfig(
      batch_size=64,
      discount=0.5,
      value_hidden_sizes=(8,),
      fit=quinoa.CriticFit(num_critics=1),
    ),
    num_steps=5000,
    seed=4,
  )
  described = json.loads(json.dumps(config.describe()))
  assert described['agent']['value_hidden_sizes'] == [8]
  assert described['num_steps'] == 5000


def test_a_workdir_may_be_a_path_and_have_a_home(make_config, monkeypatch):
  monkeypatch.setenv('HOME', '/home/someone')
  config = make_config(workdir=pathlib.Path('~/runs'))
  assert config.workdir == '/home/someone/runs'


def test_a_factory_that_gives_one_environment_is_refused(
  make_config, point_mass
):
  only = point_mass(0)
  for factory in (
    lambda seed: only,
    lambda seed: wrappers.SinglePrecisionWrapper(only),
  ):
    config = make_config(environment_factory=factory)
    with pytest.raises(ValueError, match='the same environment twice'):
      config.check_factory()
  assert make_config().check_factory() == make_config().make_spec()


def test_a_run_s_environments_repeat_actions(make_config, point_mass):
  config = make_config(action_repeat=np.int64(2))
  frames, steps = config.environment_factory(5), config.make_environment(5)
  assert isinstance(frames, point_mass)
  assert action_repeat.of(make_config().make_environment(5)) == 1
  frames.reset()
  steps.reset()
  push = np.ones(1, np.float32)
  rewards = [frames.step(push).reward for _ in range(2)]
  assert steps.step(push).reward == pytest.approx(sum(rewards))
  assert config.check_factory() == config.make_spec()
  assert json.loads(json.dumps(config.describe()))['action_repeat'] == 2


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
  return experiment.make_config(**given)


def test_presets_and_overrides():
  config = _make(preset='paper', overrides={'batch_size': '512'})
  assert config.agent.batch_size == 512
  assert config.agent.learning_rate == quinoa.QuinoaConfig.paper().learning_rate


def test_default_workdir_is_named_by_task_time_and_seed():
  workdir = _make().workdir
  assert workdir.startswith('runs/cartpole_swingup-')
  assert workdir.endswith('-seed3')


def test_default_workdirs_of_one_second_differ():
  workdirs = [experiment.default_workdir('control:a:b', 0) for _ in range(50)]
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
    experiment.find_preset('quinoa', 'dirct')
  with pytest.raises(ValueError, match='unknown algorithm'):
    experiment.find_preset('mpo', 'default')


def test_an_unknown_launch_type_is_told():
  with pytest.raises(ValueError, match='--run_distributed=false'):
    experiment.check_launch_type('local')
  experiment.check_launch_type('local_mp')
