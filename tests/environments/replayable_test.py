"""Tests of the environment that can be saved at any step."""

import pathlib

import dm_env
from dm_env import specs
import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from quinoa_acme import environments
from quinoa_acme.environments import replayable
from quinoa_acme.utils import checkpointing


def _restored(environment, directory: pathlib.Path, make):
  """Another environment, with the state by way of a file."""
  checkpointing.save(directory, 0, environment.save())
  other = make()
  found = checkpointing.restore_latest(directory, other.state_like())
  assert found is not None
  return other, other.restore(found[1])


def _play(environment, rng, timestep, num_steps) -> list[dm_env.TimeStep]:
  """Acts at random, and resets where an episode is over."""
  timesteps = []
  for _ in range(num_steps):
    if timestep is None or timestep.last():
      timestep = environment.reset()
    else:
      timestep = environment.step(rng.uniform(-1, 1, 1))
    timesteps.append(timestep)
  return timesteps


@hypothesis.settings(
  deadline=None,
  max_examples=30,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  num_steps=st.integers(0, 40),
  length=st.integers(1, 9),
  num_frames_each=st.integers(1, 25),
  num_resets=st.integers(0, 2),
)
def test_a_restored_environment_goes_on_as_if_nothing_had_been(
  num_steps, length, num_frames_each, num_resets, point_mass, tmp_path
):
  def make():
    return replayable.ReplayableEnvironment(
      lambda seed: point_mass(seed, length), 3, num_frames_each
    )

  environment = make()
  before = _play(environment, np.random.default_rng(0), None, num_steps)
  # Some environments are reset when it is nobody's turn.
  before += [environment.reset() for _ in range(num_resets)]
  other, episode = _restored(environment, tmp_path, make)
  starts = [i for i, timestep in enumerate(before) if timestep.first()]
  np.testing.assert_equal(episode, before[starts[-1] :] if before else [])
  last = before[-1] if before else None
  np.testing.assert_equal(
    _play(environment, np.random.default_rng(1), last, 30),
    _play(other, np.random.default_rng(1), last, 30),
  )


@pytest.mark.parametrize('name', ['cartpole:swingup', 'finger:turn_easy'])
def test_tasks_of_the_control_suite_are_restored(name, tmp_path):
  def make():
    return replayable.ReplayableEnvironment(
      environments.EnvironmentFactory(f'control:{name}'), 0
    )

  environment = make()
  action = np.full(environment.action_spec().shape, 0.3)
  environment.reset()
  timesteps = [environment.step(action) for _ in range(20)]
  other, episode = _restored(environment, tmp_path, make)
  np.testing.assert_equal(episode[1:], timesteps)
  for _ in range(20):
    np.testing.assert_equal(other.step(action), environment.step(action))


def test_each_environment_gets_a_seed_of_its_own(point_mass):
  seeds = []

  def factory(seed):
    seeds.append(seed)
    return point_mass(seed, 4)

  environment = replayable.ReplayableEnvironment(factory, 0, 8)
  _play(environment, np.random.default_rng(0), None, 30)
  # Two episodes of four steps each, with their resets.
  assert len(seeds) == len(set(seeds)) == 3
  assert all(0 <= seed < 2**32 for seed in seeds)


class _Drifting(dm_env.Environment):
  """Counts the environments of its kind: no function of seed and actions."""

  made = 0

  def __init__(self, seed: int):
    _Drifting.made += 1

  def reset(self):
    return dm_env.restart(np.float32(_Drifting.made))

  def step(self, action):
    return dm_env.transition(np.float32(0.0), np.float32(_Drifting.made))

  def observation_spec(self):
    return dm_env.specs.Array((), np.float32)

  def action_spec(self):
    return dm_env.specs.Array((1,), np.float32)


def test_an_environment_that_is_no_function_of_its_seed_is_said(
  tmp_path, caplog
):
  def make():
    return replayable.ReplayableEnvironment(_Drifting, 0)

  environment = make()
  environment.reset()
  environment.step(np.zeros(1))
  other, episode = _restored(environment, tmp_path, make)
  assert episode == []
  assert 'continues with a new episode' in caplog.text
  assert other.reset().first()


class _Reusing(dm_env.Environment):
  """Adds up its actions in one array, and then changes them."""

  def __init__(self, seed):
    self._sum = np.zeros(1)

  def reset(self):
    self._sum[:] = 0
    return dm_env.restart(self._sum)

  def step(self, action):
    self._sum += action
    action[:] = 99
    return dm_env.transition(1.0, self._sum)

  def observation_spec(self):
    return specs.Array((1,), np.float64)

  def action_spec(self):
    return specs.BoundedArray((1,), np.float64, -1.0, 1.0)


def test_what_an_environment_changes_in_place_is_restored(tmp_path):
  def make():
    return replayable.ReplayableEnvironment(_Reusing, 3)

  environment = make()
  before = _play(environment, np.random.default_rng(0), None, 9)
  sums = [float(timestep.observation[0]) for timestep in before]
  assert len(set(sums)) == 9
  _, episode = _restored(environment, tmp_path, make)
  assert [float(timestep.observation[0]) for timestep in episode] == sums
