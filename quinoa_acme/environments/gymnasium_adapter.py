"""Gymnasium's environments in the form of dm_env.

Acme's own wrapper is for gym before 0.26, whose steps had one flag for both
kinds of an episode's end. Gymnasium separates them, and so does this adapter. A
terminated episode ends with discount 0, so no further reward is expected. A
truncated episode keeps discount 1, so learning bootstraps beyond the cut.
"""

from typing import Any, cast

import dm_env
import gymnasium
from gymnasium import spaces
import numpy as np

from quinoa_acme.utils import specs

# For an environment that does not specify it.
_FRAMES = 30.0


class GymnasiumAdapter(dm_env.Environment):
  """A `dm_env.Environment` from a Gymnasium one with array observations."""

  def __init__(self, environment: gymnasium.Env, seed: int | None = None):
    """Makes the adapter.

    Args:
      environment: its observation space must be a `Box`.
      seed: for all episodes, given to the first reset; by default unseeded.

    Raises:
      ValueError: if the observation space is not a `Box`, or the actions have
        no spec.
    """
    if not isinstance(environment.observation_space, spaces.Box):
      raise ValueError(
        'GymnasiumAdapter takes observations of a Box, not of '
        f'{environment.observation_space}. Wrap the environment, e.g. in '
        'gymnasium.wrappers.FlattenObservation.'
      )
    self._environment = environment
    self._observation_space = environment.observation_space
    self._action_spec = to_action_spec(environment.action_space)
    self._seed = seed
    self._needs_reset = True

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode; the first one takes the seed."""
    observation, _ = self._environment.reset(seed=self._seed)
    # Using it again would begin every episode in the same state.
    self._seed = None
    self._needs_reset = False
    return dm_env.restart(self._observe(observation))

  def step(self, action: Any) -> dm_env.TimeStep:
    """Takes a step; after an episode's end, starts the next one instead."""
    if self._needs_reset:
      return self.reset()
    observation, reward, terminated, truncated, _ = self._environment.step(
      bound(self._environment.action_space, action)
    )
    observation = self._observe(observation)
    reward = float(cast(float, reward))
    self._needs_reset = terminated or truncated
    return make_timestep(reward, observation, terminated, truncated)

  # dm_env's own methods have no types, so no type matches them.
  def observation_spec(  # pyright: ignore[reportIncompatibleMethodOverride]
    self,
  ) -> specs.Array:
    """The observation's shape and dtype."""
    space = self._observation_space
    return specs.Array(space.shape, space.dtype, 'observation')

  def action_spec(  # pyright: ignore[reportIncompatibleMethodOverride]
    self,
  ) -> specs.Array:
    """The action's shape and dtype, with its bounds."""
    return self._action_spec

  @property
  def frames_per_second(self) -> float:
    """Pictures per second of the environment's own time."""
    return float(self._environment.metadata.get('render_fps') or _FRAMES)

  def render(self) -> np.ndarray:
    """Renders the current state, uint8 [H, W, 3].

    Raises:
      ValueError: if the environment cannot be rendered; says why.
    """
    try:
      picture = self._environment.render()
    except (gymnasium.error.Error, ImportError) as error:
      raise ValueError(f'It cannot be rendered: {error}') from error
    if not isinstance(picture, np.ndarray):
      raise ValueError(
        'It gives no picture. Make it with render_mode="rgb_array".'
      )
    return picture

  def close(self) -> None:
    """Closes the environment."""
    self._environment.close()

  def _observe(self, observation: Any) -> np.ndarray:
    # A copy, because an environment may overwrite it with the next one.
    return np.array(observation, self._observation_space.dtype)


def make_timestep(
  reward: float, observation: Any, terminated: Any, truncated: Any
) -> dm_env.TimeStep:
  """The time step of a step: only a termination has discount 0."""
  if terminated:
    return dm_env.termination(reward, observation)
  if truncated:
    return dm_env.truncation(reward, observation)
  return dm_env.transition(reward, observation)


def bound(space: spaces.Space, action: Any) -> Any:
  """The action in the space's own dtype, clipped to its bounds.

  A float32 close to a float64 bound may round to a value outside it.
  """
  if isinstance(space, spaces.Box):
    return np.clip(np.asarray(action, space.dtype), space.low, space.high)
  return np.asarray(action, space.dtype)


def to_action_spec(space: spaces.Space) -> specs.Array:
  """The spec of an action space; agents decide whether they can act in it."""
  match space:
    case spaces.Box():
      return specs.BoundedArray(
        space.shape, space.dtype, space.low, space.high, 'action'
      )
    case spaces.Discrete(start=0):
      return specs.DiscreteArray(int(space.n), space.dtype, 'action')
  raise ValueError(
    f'The action space {space} has no spec in dm_env. Wrap the environment so '
    'that it takes a Box, e.g. in gymnasium.wrappers.TransformAction.'
  )
