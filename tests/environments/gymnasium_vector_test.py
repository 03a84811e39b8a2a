"""Tests of vector environments: the same episodes as one by one."""

import gymnasium
import numpy as np
import pytest

from quinoa_acme.environments import checked
from quinoa_acme.environments import factory as factory_lib
from quinoa_acme.environments import gymnasium_vector
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import experiment
from quinoa_acme.runs.watching import watchdog

_Mode = gymnasium.vector.AutoresetMode
_SEEDS = (3, 14, 15)


class _RecordingActor:
  """Acts at random, by environment, and keeps what it observes."""

  def __init__(self, spec, number):
    self._spec = spec
    self._rngs = [np.random.default_rng(i) for i in range(number)]
    self.seen = [[] for _ in range(number)]

  def observe_first(self, index, timestep):
    self.seen[index].append(timestep)

  def select_actions(self, observations):
    np.testing.assert_array_equal(
      observations, [steps[-1].observation for steps in self.seen]
    )
    low, high = self._spec.minimum, self._spec.maximum
    return np.array([x.uniform(low, high) for x in self._rngs], np.float32)

  def observe(self, actions, timesteps):
    del actions
    for steps, timestep in zip(self.seen, timesteps, strict=True):
      steps.append(timestep)

  def update(self):
    pass


def _act(environments, steps=240):
  """What an actor sees in each environment."""
  actor = _RecordingActor(environments[0].action_spec(), len(environments))
  loop = acting_loop.BatchedActingLoop(environments, actor)
  assert loop.run_steps(steps) == steps
  return actor.seen


def _assert_same(seen, expected):
  for steps, others in zip(seen, expected, strict=True):
    assert len(steps) == len(others)
    for step, other in zip(steps, others, strict=True):
      assert step.step_type == other.step_type
      assert (step.reward, step.discount) == (other.reward, other.discount)
      np.testing.assert_array_equal(step.observation, other.observation)


@pytest.fixture(scope='module')
def one_by_one():
  """A hopper that falls, or is cut after 25 steps."""
  factory = factory_lib.EnvironmentFactory(
    'gymnasium:Hopper-v5(max_episode_steps=25)'
  )
  seen = _act([factory(seed) for seed in _SEEDS])
  lasts = [x for steps in seen for x in steps if x.last()]
  # Both kinds of ends, and several episodes.
  assert {float(x.discount) for x in lasts} == {0.0, 1.0}
  assert len(lasts) > 6
  return seen


@pytest.mark.parametrize('mode', ['sync', 'async'])
def test_a_name_with_a_vectorization_mode_gives_the_same_episodes(
  mode, one_by_one
):
  factory = factory_lib.EnvironmentFactory(
    f"gymnasium:Hopper-v5(max_episode_steps=25, vectorization_mode='{mode}')"
  )
  environments = factory.make_several(_SEEDS)
  _assert_same(_act([checked.wrap(x) for x in environments]), one_by_one)
  for environment in environments:
    environment.close()
  # A single one is the environment itself, as in an evaluation.
  [single] = factory_lib.make_several(factory, _SEEDS[:1])
  np.testing.assert_array_equal(
    single.reset().observation, one_by_one[0][0].observation
  )


def _make(mode):
  return gymnasium.make_vec(
    'Hopper-v5',
    num_envs=len(_SEEDS),
    vectorization_mode='sync',
    vector_kwargs={'autoreset_mode': mode},
    max_episode_steps=25,
  )


def test_the_last_observation_is_not_the_next_episode_s_first(one_by_one):
  environments = gymnasium_vector.split(_make(_Mode.SAME_STEP), _SEEDS)
  seen = _act(
    [factory_lib.wrappers_lib.SinglePrecisionWrapper(x) for x in environments]
  )
  _assert_same(seen, one_by_one)


def test_an_action_that_is_ignored_is_refused():
  with pytest.raises(ValueError, match='after an end, it ignores an action'):
    gymnasium_vector.split(_make(_Mode.NEXT_STEP), _SEEDS)


def test_seeds_and_observations_are_checked():
  with pytest.raises(ValueError, match='as many seeds, not 2'):
    gymnasium_vector.split(_make(_Mode.DISABLED), _SEEDS[:2])
  vector = _make(_Mode.DISABLED)
  vector.single_observation_space = gymnasium.spaces.Dict()
  with pytest.raises(ValueError, match='must observe a Box'):
    gymnasium_vector.split(vector, _SEEDS)


def test_a_step_without_all_actions_says_what_is_missing():
  first, second, _ = gymnasium_vector.split(_make(_Mode.DISABLED), _SEEDS)
  first.reset()
  second.send(np.zeros(3))
  with pytest.raises(RuntimeError, match=r'Environments \[0, 2\] .* no action'):
    second.step(np.zeros(3))


def test_other_modes_are_refused():
  with pytest.raises(ValueError, match="must be 'sync' or 'async'"):
    factory_lib.EnvironmentFactory(
      "gymnasium:Hopper-v5(vectorization_mode='vector_entry_point')"
    )


def test_action_repeat_is_refused(tiny_config, tmp_path):
  name = "gymnasium:Hopper-v5(vectorization_mode='sync')"
  with pytest.raises(ValueError, match='none can repeat its actions alone'):
    experiment.ExperimentConfig(
      tiny_config,
      factory_lib.EnvironmentFactory(name),
      name,
      str(tmp_path),
      action_repeat=2,
      environments_per_actor=2,
    )


def test_a_watch_watches_them(one_by_one):
  factory = factory_lib.EnvironmentFactory(
    "gymnasium:Hopper-v5(max_episode_steps=25, vectorization_mode='sync')"
  )
  watched = watchdog.Watch('actor_0', 300.0).over(factory)
  environments = factory_lib.make_several(watched, _SEEDS)
  _assert_same(_act(environments), one_by_one)
