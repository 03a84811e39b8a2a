"""Tests of the environments: names, specs, seeds."""

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
import warnings

from dm_control import suite
import dm_env
import gymnasium
import numpy as np
import pytest

from quinoa_acme import environments as environments_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.environments import factory
from quinoa_acme.utils import specs as specs_lib

_CARTPOLE = 'control:cartpole:swingup'


class _Parts(gymnasium.Env):
  """Observes a nest."""

  observation_space = gymnasium.spaces.Dict(
    {
      'position': gymnasium.spaces.Box(-1, 1, (2,), np.float64),
      'phase': gymnasium.spaces.Discrete(3),
    }
  )
  action_space = gymnasium.spaces.Box(-1, 1, (1,))

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    return {'position': np.array([0.25, 0.5]), 'phase': 2}, {}


class _Endless(gymnasium.Env):
  """Takes actions without bounds."""

  observation_space = gymnasium.spaces.Box(-1, 1, (2,))
  action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))


class _Odd(gymnasium.Env):
  """Observes another dtype than it says, as Gymnasium's checker notices."""

  observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
  action_space = gymnasium.spaces.Box(-1, 1, (1,))

  def __init__(self, start: float = 0.5):
    self._start = start

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    return np.array([self._start]), {}

  def step(self, action):
    return np.array([self._start]), 0.0, False, False, {}


gymnasium.register('Odd-v0', _Odd)
gymnasium.register('Parts-v0', _Parts)
gymnasium.register('Endless-v0', _Endless)


def _rollout(environment: dm_env.Environment, steps: int) -> np.ndarray:
  """Returns the observations and rewards under fixed actions."""
  rng = np.random.default_rng(0)
  spec = environment.action_spec()
  rows = [np.append(environment.reset().observation, 0.0)]
  for _ in range(steps):
    action = rng.uniform(-1, 1, spec.shape).astype(spec.dtype)
    timestep = environment.step(action)
    rows.append(np.append(timestep.observation, timestep.reward))
  return np.array(rows)


# A plain task; scalars among the observations; actions beyond [-1, 1];
# Gymnasium's, with observations in double precision.
@pytest.mark.parametrize(
  'name',
  [
    _CARTPOLE,
    'control:walker:walk',
    'control:lqr:lqr_2_1',
    'gymnasium:HalfCheetah-v5',
    'gym:Humanoid-v5',
  ],
)
def test_timesteps_have_the_specs_of_the_environment(name):
  environment = environments_lib.make_environment(name, seed=0)
  spec = specs_lib.make_environment_spec(environment)
  assert spec.observations.dtype == np.float32
  assert len(spec.observations.shape) == 1
  assert isinstance(spec.actions, specs_lib.BoundedArray)
  assert spec.actions.dtype == np.float32
  assert len(spec.actions.shape) == 1
  spec.observations.validate(environment.reset().observation)
  timestep = environment.step(np.zeros(spec.actions.shape, np.float32))
  spec.observations.validate(timestep.observation)
  spec.rewards.validate(timestep.reward)
  spec.discounts.validate(timestep.discount)
  assert timestep.reward.dtype == timestep.discount.dtype == np.float32


def test_action_bounds_are_those_of_the_task():
  environment = environments_lib.make_environment('control:lqr:lqr_2_1', 0)
  raw = environment.environment.environment.action_spec()
  np.testing.assert_array_equal(environment.action_spec().minimum, raw.minimum)
  np.testing.assert_array_equal(environment.action_spec().maximum, raw.maximum)


@pytest.mark.parametrize('name', [_CARTPOLE, 'gymnasium:Hopper-v5'])
def test_the_seed_fixes_the_episodes(name):
  make = environments_lib.EnvironmentFactory(name)
  first = _rollout(make(1), 20)
  np.testing.assert_array_equal(first, _rollout(make(1), 20))
  assert not np.array_equal(first[0], _rollout(make(2), 0)[0])


@pytest.mark.parametrize('seed', [0, 2**32 - 1, np.int64(3)])
def test_seeds_in_range_are_taken(seed):
  assert environments_lib.make_environment(_CARTPOLE, seed).reset().first()


@pytest.mark.parametrize('seed', [-1, 2**32])
def test_seeds_out_of_range_are_refused(seed):
  with pytest.raises(ValueError, match=rf'\[0, 2\*\*32\); got {seed}'):
    environments_lib.make_environment(_CARTPOLE, seed)


def test_a_seed_that_is_no_integer_is_refused():
  with pytest.raises(TypeError, match='integer'):
    environments_lib.make_environment(_CARTPOLE, 1.5)


@pytest.mark.parametrize(
  ('name', 'nearest'),
  [
    ('cartpole:swingup', _CARTPOLE),
    ('control:cartpole:swing_up', _CARTPOLE),
    ('control:chetah:run', 'control:cheetah:run'),
    ('control:walker', 'control:walker:run'),
    ('control:walker:run:fast', 'control:walker:run'),
    ('', 'control:'),
  ],
)
def test_an_unknown_name_gets_the_nearest_right_one(name, nearest):
  with pytest.raises(ValueError, match='control:<domain>:<task>') as error:
    environments_lib.EnvironmentFactory(name)
  assert f'Unknown environment {name!r}' in str(error.value)
  assert f"Did you mean '{nearest}" in str(error.value)


@pytest.mark.parametrize(
  ('name', 'reason', 'nearest'),
  [
    ('gymnasium:halfcheetah', 'nothing of this name', 'HalfCheetah-v5'),
    ('gym:Hopper-v99', 'name and version', 'Hopper-v5'),
    ('gymnasium:no_such_module:Hopper-v5', 'cannot be imported', 'Hopper-v5'),
    ('gymnasium:', 'nothing of this name', ''),
  ],
)
def test_an_unknown_id_of_gymnasium_gets_the_nearest_right_one(
  name, reason, nearest
):
  with pytest.raises(ValueError, match=reason) as error:
    environments_lib.EnvironmentFactory(name)
  assert "Unknown environment 'gymnasium:" in str(error.value)
  assert f"Did you mean 'gymnasium:{nearest}" in str(error.value)


def test_an_end_and_a_cut_differ_through_all_wrappers():
  # It falls within a few dozen steps, and a pendulum never does.
  hopper = environments_lib.make_environment('gymnasium:Hopper-v5', 0)
  pendulum = environments_lib.make_environment('gymnasium:Pendulum-v1', 0)
  last = []
  for environment in (hopper, pendulum):
    timestep = environment.reset()
    while not timestep.last():
      spec = environment.action_spec()
      timestep = environment.step(np.ones(spec.shape, spec.dtype))
    last.append(timestep)
  assert [timestep.discount for timestep in last] == [0.0, 1.0]
  assert last[0].discount.dtype == np.float32


def test_arguments_of_gymnasium_are_in_the_name():
  name = 'gymnasium:Hopper-v5(healthy_reward=7.5, max_episode_steps=3)'
  factory = environments_lib.EnvironmentFactory(name)
  assert pickle.loads(pickle.dumps(factory)) == factory
  plain = environments_lib.make_environment('gymnasium:Hopper-v5', 0)
  environment = factory(0)
  rewards, discounts = [], []
  for each in (plain, environment):
    each.reset()
    steps = [each.step(np.zeros(3, np.float32)) for _ in range(3)]
    rewards.append(sum(step.reward for step in steps))
    discounts.append([float(step.discount) for step in steps])
  assert rewards[1] - rewards[0] == pytest.approx(3 * 6.5, rel=1e-4)
  # The limit is none of the task's ends.
  assert steps[-1].last()
  assert discounts == [[1.0] * 3] * 2


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ('(healthy_reward=)', 'as in Python'),
    ('(healthy_reward=1', 'as in Python'),
    ('(healthy_reward=1).x', 'no single pair of parentheses'),
    ('(1)', 'each needs a name'),
    ("(**{'a': 1})", 'each needs a name'),
    ("(a=open('x'))", 'with plain values'),
    ("(render_mode='human')", 'Leave it out'),
  ],
)
def test_arguments_that_are_none_are_refused(arguments, message):
  with pytest.raises(ValueError, match=message) as error:
    environments_lib.EnvironmentFactory(f'gymnasium:Hopper-v5{arguments}')
  assert 'gymnasium:Hopper-v5(' in str(error.value)


def test_an_argument_that_the_environment_lacks_is_named():
  factory = environments_lib.EnvironmentFactory('gymnasium:Pendulum-v1(x=1)')
  with pytest.raises(ValueError, match=r"Pendulum-v1\(x=1\)' cannot be.*'x'"):
    factory(0)


def test_the_checker_warns_once_in_a_process():
  def warnings_of(name):
    with warnings.catch_warnings(record=True) as caught:
      warnings.simplefilter('always')
      environments_lib.make_environment(name, 0).reset()
    return [x for x in caught if 'expecting numpy array' in str(x.message)]

  assert len(warnings_of('gymnasium:Odd-v0')) == 1
  assert not warnings_of('gymnasium:Odd-v0')
  # Another environment is checked too.
  assert len(warnings_of('gymnasium:Odd-v0(start=0.25)')) == 1


def test_observations_of_several_parts_become_one_vector():
  environment = environments_lib.make_environment('gymnasium:Parts-v0', 0)
  observation = environment.reset().observation
  # The parts by name, what is discrete as one-hot.
  np.testing.assert_array_equal(observation, [0, 0, 1, 0.25, 0.5])
  assert observation.dtype == np.float32


@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('gymnasium:CartPole-v1', 'bounded, continuous action spec'),
    ('gymnasium:Endless-v0', 'finite action bounds'),
  ],
)
def test_actions_that_are_no_finite_box_get_the_agent_s_error(name, message):
  spec = specs_lib.make_environment_spec(
    environments_lib.make_environment(name, 0)
  )
  with pytest.raises(ValueError, match=message):
    quinoa.make_networks(spec)


@pytest.mark.filterwarnings('ignore:.*Hopper-v2 is out of date')
def test_an_environment_that_is_gone_is_named():
  with pytest.raises(ValueError, match="'gymnasium:Hopper-v2' cannot be made"):
    environments_lib.make_environment('gymnasium:Hopper-v2', 0)


def test_without_gymnasium_the_error_names_the_extra(monkeypatch):
  monkeypatch.setitem(sys.modules, 'gymnasium', None)
  with pytest.raises(ValueError, match=r"'quinoa-acme\[gymnasium\]'"):
    environments_lib.EnvironmentFactory('gymnasium:Hopper-v5')


def test_without_dm_control_the_error_says_how_to_have_it(monkeypatch):
  monkeypatch.setitem(sys.modules, 'dm_control', None)
  factory._suite.cache_clear()
  with pytest.raises(ValueError, match='pip install --no-deps dm-control'):
    environments_lib.EnvironmentFactory(_CARTPOLE)
  environments_lib.EnvironmentFactory('gymnasium:Hopper-v5')


@pytest.mark.parametrize(
  ('task', 'ranks'), [('manipulator:bring_peg', {1, 2}), ('fish:swim', {0, 1})]
)
def test_parts_of_any_rank_become_one_vector_in_the_order_of_names(task, ranks):
  domain, name = task.split(':')
  parts = suite.load(domain, name, {'random': 3}).reset().observation
  assert {np.ndim(part) for part in parts.values()} == ranks
  expected = np.concatenate([np.ravel(parts[name]) for name in sorted(parts)])
  environment = environments_lib.make_environment(f'control:{task}', 3)
  observation = environment.reset().observation
  np.testing.assert_array_equal(observation, expected.astype(np.float32))
  environment.observation_spec().validate(observation)


def test_list_tasks_gives_names_that_are_taken():
  names = environments_lib.list_tasks()
  assert list(names) == sorted(set(names))
  assert {_CARTPOLE, 'control:humanoid:run', 'control:dog:fetch'} <= {*names}
  for name in names:
    environments_lib.EnvironmentFactory(name)


def test_no_display_is_no_warning_and_no_error():
  # In a process of its own, for the suite is imported once in each.
  code = f"""
from quinoa_acme import environments
environments.make_environment({_CARTPOLE!r}, 0).reset()
# It asks for what draws it, at each episode's start.
environments.make_environment('control:quadruped:escape', 0).reset()
"""
  variables = {
    key: value
    for key, value in os.environ.items()
    if key not in ('DISPLAY', 'MUJOCO_GL')
  }
  result = subprocess.run(
    [sys.executable, '-W', 'default', '-c', code],
    env=variables,
    capture_output=True,
    text=True,
    check=True,
  )
  assert 'GLFW' not in result.stderr


def test_the_factory_is_a_value():
  factory = environments_lib.EnvironmentFactory(_CARTPOLE)
  assert pickle.loads(pickle.dumps(factory)) == factory
  assert copy.copy(factory) == factory
  with pytest.raises(dataclasses.FrozenInstanceError):
    factory.name = 'control:walker:walk'
