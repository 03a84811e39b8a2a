"""Action repeat: one step of the agent is several frames of its environment.

A frame is a step of the environment itself. The tables and figures that other
work publishes mostly count frames, and their agents act at every second one.
See docs/decisions/0030-the-edge-of-the-environment.md.
"""

from typing import Any

import dm_env
from dm_env import specs
import numpy as np

from quinoa_acme.environments import checked
from quinoa_acme.environments import wrappers

# Beyond it, an episode of the Control Suite would be a single step.
_GREATEST = 1000


def check(value: Any) -> int:
  """Checks an action repeat.

  Args:
    value: of an option.

  Returns:
    The value.

  Raises:
    ValueError: if it is not a whole number from 1 to 1000.
  """
  is_whole = isinstance(value, int) and not isinstance(value, bool)
  if not (is_whole and 1 <= value <= _GREATEST):
    raise ValueError(
      f'action_repeat must be a whole number from 1 to {_GREATEST}, but is '
      f'{value!r}. Give the frames of a step: 1 acts at every frame of the '
      'environment, 2 at every second one.'
    )
  return value


def repeat_actions(
  environment: dm_env.Environment, action_repeat: int
) -> dm_env.Environment:
  """An environment in which each step repeats its action.

  Args:
    environment: the environment, whose steps are the frames.
    action_repeat: frames in a step, from 1 to 1000.

  Returns:
    An `ActionRepeat`; for 1 the environment itself.

  Raises:
    ValueError: if the action repeat is out of range, or a spec is wrong.

  Examples:
    >>> from quinoa_acme import environments
    >>> task = environments.make_environment('control:cartpole:balance', 0)
    >>> task = environments.repeat_actions(task, 2)
    >>> task.reset().first()
    True
    >>> float(task.step([0.0]).reward) > 1  # The sum of two frames' rewards.
    True
  """
  if check(action_repeat) == 1:
    return environment
  return ActionRepeat(environment, action_repeat)


class ActionRepeat(checked.Checked, wrappers.EnvironmentWrapper):
  """An environment that repeats each action, up to the end of the episode.

  Where frame k of a step has the reward r_k and the environment's own discount
  d_k, which is 1 but at an end, a step of n frames has

    reward = r_1 + d_1 r_2 + ... + d_1 ... d_(n-1) r_n,
    discount = d_1 d_2 ... d_n,

  and the observation after the last of them. The agent's own discount counts
  steps, not frames. An episode that ends within a step has a shorter one.

  The frames are checked as by a `CheckedEnvironment`. Other attributes, such as
  `physics`, are the environment's.

  Attributes:
    action_repeat: n, but for the last step of an episode.
  """

  def __init__(self, environment: dm_env.Environment, action_repeat: int):
    """Wraps an environment; `repeat_actions` does so only where needed.

    Args:
      environment: the environment.
      action_repeat: frames in a step, from 1 to 1000.

    Raises:
      ValueError: if the action repeat is out of range, or a spec is wrong.
    """
    super().__init__(checked.wrap(environment))
    self.action_repeat = check(action_repeat)
    self._reward_spec = _sum_spec(self._environment.reward_spec())
    self._discount_spec = _product_spec(
      self._environment.discount_spec(), action_repeat
    )
    self._greatest = float(np.finfo(self._reward_spec.dtype).max)

  def step(self, action: Any) -> dm_env.TimeStep:
    """Repeats an action; after an episode's last step, starts another.

    Args:
      action: an action that matches the spec.

    Returns:
      The time step after the last frame, with all their rewards, a scalar of
      the spec's dtype.

    Raises:
      ValueError: if a frame or the action breaks the specs, or the sum of the
        rewards is beyond their dtype.
    """
    timestep = self._environment.step(action)
    if timestep.first():
      return timestep
    # In double precision, and rounded once.
    reward, discount = float(timestep.reward), float(timestep.discount)
    for _ in range(self.action_repeat - 1):
      if timestep.last():
        break
      timestep = self._environment.step(action)
      reward += discount * float(timestep.reward)
      discount *= float(timestep.discount)
    if abs(reward) > self._greatest:
      raise ValueError(
        f'The rewards of the {self.action_repeat} frames of a step sum to '
        f'{reward:g}, which is beyond {self._reward_spec.dtype}. Scale them in '
        'the environment.'
      )
    return timestep._replace(
      reward=self._reward_spec.dtype.type(reward),
      discount=self._discount_spec.dtype.type(discount),
    )

  # dm_env's own methods have no types, so no type matches them.
  def reward_spec(self) -> Any:
    """The spec of the sums, without bounds; of whole numbers, float32."""
    return self._reward_spec

  def discount_spec(self) -> Any:
    """The spec of the products."""
    return self._discount_spec

  def control_timestep(self) -> float:
    """Seconds of its own time in a step, if the environment tells them."""
    environment: Any = self._environment
    return self.action_repeat * float(environment.control_timestep())

  @property
  def frames_per_second(self) -> float:
    """Steps per second of its own time, if the environment tells them."""
    environment: Any = self._environment
    return float(environment.frames_per_second) / self.action_repeat


def of(environment: dm_env.Environment) -> int:
  """The action repeat of an environment that `repeat_actions` gave, else 1."""
  if isinstance(environment, ActionRepeat):
    return environment.action_repeat
  return 1


def describe_steps(num_steps: float, action_repeat: int) -> str:
  """Steps in words, with their frames where these are more.

  Examples:
    >>> describe_steps(5000, 1)
    '5,000 steps'
    >>> describe_steps(5000, 2)
    '5,000 steps (10,000 frames)'
  """
  text = f'{num_steps:,.0f} steps'
  if action_repeat == 1:
    return text
  return f'{text} ({num_steps * action_repeat:,.0f} frames)'


def label_steps(action_repeat: int) -> str:
  """The label of an axis of environment steps, which says what one is.

  Examples:
    >>> label_steps(2)
    'environment steps (2 frames each)'
  """
  each = '' if action_repeat == 1 else f' ({action_repeat} frames each)'
  return f'environment steps{each}'


def _sum_spec(spec: specs.Array) -> specs.Array:
  """The spec of a sum of rewards, which need not keep the bounds of one."""
  is_float = spec.dtype.kind == 'f'
  return specs.Array((), spec.dtype if is_float else np.float32, spec.name)


def _product_spec(spec: specs.Array, action_repeat: int) -> specs.Array:
  """The spec of a product of discounts, which are at most 1."""
  if not isinstance(spec, specs.BoundedArray):
    return spec
  minimum = spec.minimum**action_repeat
  return specs.BoundedArray((), spec.dtype, minimum, spec.maximum, spec.name)
