"""Tests of the adapter: ends of episodes, dtypes, bounds, seeds."""

import gymnasium
from gymnasium import spaces
import numpy as np
import pytest

from quinoa_acme.environments import gymnasium_adapter

_BOX = spaces.Box(-0.1, 0.4, (2,), np.float64)


class _Counter(gymnasium.Env):
  """Counts its steps, and ends as it is told."""

  observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)

  def __init__(self, terminates_at=None, truncates_at=None, action_space=_BOX):
    self.action_space = action_space
    self.last_action = None
    self._ends = (terminates_at, truncates_at)
    self._observation = np.zeros(2)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._observation[:] = 0, self.np_random.uniform()
    return self._observation, {}

  def step(self, action):
    self.last_action = action
    self._observation[0] += 1
    terminated, truncated = (self._observation[0] == end for end in self._ends)
    return self._observation, np.float64(0.5), terminated, truncated, {}


def _run_episode(environment):
  steps = [environment.reset()]
  while not steps[-1].last():
    steps.append(environment.step(np.zeros(2, np.float32)))
  return steps


def test_a_terminated_episode_ends_with_discount_zero():
  steps = _run_episode(gymnasium_adapter.GymnasiumAdapter(_Counter(3)))
  assert [step.discount for step in steps] == [None, 1.0, 1.0, 0.0]
  assert [step.reward for step in steps] == [None, 0.5, 0.5, 0.5]
  # The environment writes its observations in one place; they are not lost.
  assert [step.observation[0] for step in steps] == [0, 1, 2, 3]


def test_a_truncated_episode_keeps_discount_one():
  steps = _run_episode(
    gymnasium_adapter.GymnasiumAdapter(_Counter(truncates_at=3))
  )
  assert [step.discount for step in steps] == [None, 1.0, 1.0, 1.0]
  assert steps[-1].last()


def test_an_end_of_both_kinds_is_a_termination():
  steps = _run_episode(gymnasium_adapter.GymnasiumAdapter(_Counter(2, 2)))
  assert steps[-1].discount == 0.0


def test_a_step_after_the_end_starts_the_next_episode():
  environment = gymnasium_adapter.GymnasiumAdapter(_Counter(1))
  assert environment.step(np.zeros(2)).first()
  assert environment.step(np.zeros(2)).last()
  assert environment.step(np.zeros(2)).first()


def test_the_seed_fixes_all_episodes_and_they_differ():
  def draws(seed):
    environment = gymnasium_adapter.GymnasiumAdapter(_Counter(1), seed)
    return [environment.reset().observation[1] for _ in range(3)]

  assert draws(1) == draws(1)
  assert draws(1) != draws(2)
  assert len(set(draws(1))) == 3


def test_actions_arrive_in_the_space_s_dtype_and_within_its_bounds():
  counter = _Counter()
  environment = gymnasium_adapter.GymnasiumAdapter(counter)
  spec = environment.action_spec()
  np.testing.assert_array_equal(spec.minimum, _BOX.low)
  np.testing.assert_array_equal(spec.maximum, _BOX.high)
  environment.reset()
  # Rounded to single precision, both bounds lie outside.
  beyond = np.array([-0.1, 0.4], np.float32)
  assert beyond[0] < -0.1
  assert beyond[1] > 0.4
  environment.step(beyond)
  assert _BOX.contains(counter.last_action)
  assert counter.last_action.dtype == np.float64


def test_observations_other_than_arrays_are_refused():
  environment = _Counter()
  environment.observation_space = spaces.Dict({'a': _BOX})
  with pytest.raises(ValueError, match='FlattenObservation'):
    gymnasium_adapter.GymnasiumAdapter(environment)


def test_actions_without_a_spec_are_refused():
  environment = _Counter(action_space=spaces.Dict({'a': _BOX}))
  with pytest.raises(ValueError, match='has no spec'):
    gymnasium_adapter.GymnasiumAdapter(environment)
