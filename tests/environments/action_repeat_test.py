"""Tests of action repeat: rewards, discounts, ends, and what it passes on."""

import pickle

import dm_env
from dm_env import specs
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from quinoa_acme import environments
from quinoa_acme.environments import action_repeat
from quinoa_acme.environments import checked
from quinoa_acme.environments import replayable
from quinoa_acme.runs.watching import videos


class _Frames(dm_env.Environment):
  """Gives rewards and discounts from a list, one a frame, then ends."""

  def __init__(self, rewards, discounts, dtype=np.float32):
    self._values = list(zip(rewards, discounts, strict=True))
    self._dtype = np.dtype(dtype)
    self._frame = 0
    self.actions = []

  def reset(self):
    self._frame = 0
    return dm_env.restart(np.zeros(1, np.float32))

  def step(self, action):
    if self._frame == len(self._values):
      return self.reset()
    self.actions.append(action.tolist())
    action[:] = 99  # The array is the environment's own.
    reward, discount = self._values[self._frame]
    self._frame += 1
    is_last = self._frame == len(self._values)
    return dm_env.TimeStep(
      dm_env.StepType.LAST if is_last else dm_env.StepType.MID,
      self._dtype.type(reward),
      np.float32(discount),
      np.full(1, self._frame, np.float32),
    )

  def observation_spec(self):
    return specs.Array((1,), np.float32, 'observation')

  def action_spec(self):
    return specs.BoundedArray((1,), np.float32, -1.0, 1.0, 'action')

  def reward_spec(self):
    return specs.Array((), self._dtype, 'reward')

  def discount_spec(self):
    return specs.BoundedArray((), np.float32, 0.5, 1.0, 'discount')

  @property
  def physics(self):
    return 'physics'

  def control_timestep(self):
    return 0.01


def _run(environment: dm_env.Environment) -> list[dm_env.TimeStep]:
  """The time steps of an episode, but for the first."""
  timestep = environment.reset()
  assert timestep.first()
  timesteps = []
  while not timestep.last():
    timestep = environment.step(np.full(1, 0.1 * len(timesteps), np.float32))
    timesteps.append(timestep)
  return timesteps


def test_a_step_is_the_sum_and_the_product_of_its_frames():
  inner = _Frames([1, 2, 3, 4, 5], [1, 0.5, 0.9, 0.8, 0.5])
  first, second = _run(action_repeat.repeat_actions(inner, 3))
  # Only the environment's own discounts weigh its rewards.
  assert first.reward == np.float32(1 + 2 + 0.5 * 3)
  assert first.discount == np.float32(0.5 * 0.9)
  assert first.mid()
  assert first.observation == [3]
  # The episode ends in the middle of a repeat.
  assert second.reward == np.float32(4 + 0.8 * 5)
  assert second.discount == np.float32(0.8 * 0.5)
  assert second.last()
  assert second.observation == [5]
  np.testing.assert_allclose(inner.actions, [[0]] * 3 + [[0.1]] * 2)


_EPISODES = st.lists(
  st.tuples(st.floats(-100, 100, width=32), st.sampled_from([0.5, 0.75, 1.0])),
  min_size=1,
  max_size=20,
)


@given(_EPISODES, st.integers(1, 7))
def test_the_return_is_that_of_the_frames(values, repeat):
  rewards, discounts = zip(*values, strict=True)
  frames = _run(checked.wrap(_Frames(rewards, discounts)))
  environment = action_repeat.repeat_actions(
    checked.wrap(_Frames(rewards, discounts)), repeat
  )
  steps = _run(environment)
  assert len(steps) == -(-len(frames) // repeat)

  def discounted_return(timesteps):
    total, weight = 0.0, 1.0
    for timestep in timesteps:
      total += weight * float(timestep.reward)
      weight *= float(timestep.discount)
    return total, weight

  # The end is a termination or a cut, as the environment's own.
  np.testing.assert_allclose(
    discounted_return(steps), discounted_return(frames), rtol=1e-4, atol=1e-3
  )
  undiscounted = [1.0] * len(rewards)
  steps = _run(
    action_repeat.repeat_actions(_Frames(rewards, undiscounted), repeat)
  )
  np.testing.assert_allclose(
    sum(float(x.reward) for x in steps), sum(rewards), rtol=1e-4, atol=1e-3
  )


def test_after_an_end_a_step_starts_an_episode_and_repeats_nothing():
  inner = _Frames([1, 2, 3], [1, 1, 1])
  environment = action_repeat.repeat_actions(inner, 2)
  _run(environment)
  timestep = environment.step(np.zeros(1, np.float32))
  assert timestep.first()
  assert timestep.observation == [0]
  assert len(inner.actions) == 3
  assert environment.step(np.zeros(1, np.float32)).reward == 3


def test_time_steps_have_the_specs():
  environment = action_repeat.repeat_actions(
    _Frames([1, 0, 1, 1], [1, 0.5, 1, 0.5], np.int8), 4
  )
  [timestep] = _run(environment)
  # Sums of whole numbers may be too large for int8, or weighted.
  assert environment.reward_spec() == specs.Array((), np.float32, 'reward')
  for value, spec in (
    (timestep.reward, environment.reward_spec()),
    (timestep.discount, environment.discount_spec()),
    (timestep.observation, environment.observation_spec()),
  ):
    spec.validate(value)
  assert timestep.reward == 2.0
  assert timestep.discount == 0.25


def test_a_wrong_frame_is_named():
  environment = action_repeat.repeat_actions(
    _Frames([1, 1, np.nan, 1], [1] * 4), 2
  )
  environment.reset()
  environment.step(np.zeros(1))
  with pytest.raises(ValueError, match=r'_Frames gave a reward .* at step 3'):
    environment.step(np.zeros(1))


def test_a_sum_beyond_the_dtype_is_refused():
  environment = action_repeat.repeat_actions(_Frames([3e38] * 2, [1, 1]), 2)
  environment.reset()
  with pytest.raises(ValueError, match=r'sum to 6e.38, .* float32\. Scale'):
    environment.step(np.zeros(1))


def test_at_one_the_environment_stays_as_it_is():
  inner = _Frames([1], [1])
  assert action_repeat.repeat_actions(inner, 1) is inner
  assert action_repeat.of(inner) == 1
  assert action_repeat.of(action_repeat.repeat_actions(inner, 3)) == 3


@pytest.mark.parametrize('value', [0, -1, 1001, 2.0, '2', True, None])
def test_what_is_no_action_repeat_is_refused(value):
  with pytest.raises(ValueError, match='a whole number from 1 to 1000, but is'):
    action_repeat.repeat_actions(_Frames([1], [1]), value)


def test_other_attributes_are_the_environment_s_and_time_runs_faster():
  environment = action_repeat.repeat_actions(_Frames([1] * 8, [1] * 8), 4)
  assert environment.physics == 'physics'
  assert environment.control_timestep() == pytest.approx(0.04)
  # As a camera sees it, of either library.
  assert not hasattr(environment, 'frames_per_second')
  task = environments.make_environment('control:cartpole:balance', 0)
  camera = videos.Camera(environments.repeat_actions(task, 4))
  assert camera.frames_per_second == pytest.approx(25.0)
  task = environments.make_environment('gymnasium:Pendulum-v1', 0)
  camera = videos.Camera(environments.repeat_actions(task, 3))
  assert camera.frames_per_second == pytest.approx(10.0)


def test_an_environment_is_replaced_by_its_frames():
  made = []

  def make(seed):
    made.append(seed)
    return action_repeat.repeat_actions(_Frames([1] * 4, [1] * 4), 2)

  environment = replayable.ReplayableEnvironment(make, 0, num_frames_each=8)
  for _ in range(2):
    _run(environment)
    assert len(made) == 1
  _run(environment)
  assert len(made) == 2


@pytest.mark.parametrize(
  'name', ['control:cheetah:run', 'gymnasium:HalfCheetah-v5']
)
def test_a_task_by_name_is_as_its_frames(name):
  frames = environments.make_environment(name, 3)
  steps = environments.repeat_actions(environments.make_environment(name, 3), 2)
  np.testing.assert_array_equal(
    frames.reset().observation, steps.reset().observation
  )
  rng = np.random.default_rng(0)
  for _ in range(20):
    action = rng.uniform(-1, 1, frames.action_spec().shape).astype(np.float32)
    first, second = frames.step(action), frames.step(action)
    step = steps.step(action)
    assert step.reward == pytest.approx(float(first.reward + second.reward))
    assert step.reward.dtype == np.float32
    np.testing.assert_array_equal(step.observation, second.observation)


def test_what_is_not_there_is_not_there_in_a_copy():
  # Before `__init__` there is no environment to ask.
  with pytest.raises(AttributeError):
    _ = action_repeat.ActionRepeat.__new__(action_repeat.ActionRepeat).physics
  made = pickle.loads(
    pickle.dumps(action_repeat.repeat_actions(_Frames([1], [1]), 2))
  )
  assert _run(made)[-1].last()
