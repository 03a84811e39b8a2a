"""Gymnasium's vector environments, as one `dm_env.Environment` for each of N.

A vector environment takes N actions at once, so that its environments may be in
processes of their own. The loop of several environments gives each its action
by `send` before it asks the first for its step.

Vector environments differ in how they begin the next episode. Here no action is
lost, and no observation of one episode passes as another's:

- `DISABLED`: what has ended is reset when the loop begins an episode.
- `SAME_STEP`: the step that ends an episode also gives the next one's first
  observation. The last one is in `infos`.
- `NEXT_STEP`, in which an environment ignores the action after an end while the
  others step, is refused.
"""

from collections.abc import Sequence
from typing import Any

import dm_env
import gymnasium
from gymnasium import spaces
import numpy as np

from quinoa_acme.environments import gymnasium_adapter
from quinoa_acme.utils import specs

_Mode = gymnasium.vector.AutoresetMode


def split(
  vector: gymnasium.vector.VectorEnv, seeds: Sequence[int]
) -> list[dm_env.Environment]:
  """Splits a vector environment into its N environments.

  Args:
    vector: it observes a `Box`, and resets as `DISABLED` or `SAME_STEP` say in
      its `metadata['autoreset_mode']`.
    seeds: of each environment, for all of its episodes.

  Returns:
    The environments. In each turn, `send` of every one gets an action, and then
    `step` of every one gives the time step. `close` of any closes all.

  Raises:
    ValueError: if it does neither.
  """
  group = _Group(vector, seeds)
  return [_One(group, i) for i in range(vector.num_envs)]


class _Group:
  """A vector environment in lockstep."""

  def __init__(self, vector: gymnasium.vector.VectorEnv, seeds: Sequence[int]):
    self.space = vector.single_observation_space
    self.actions_space = vector.single_action_space
    if not isinstance(self.space, spaces.Box):
      raise ValueError(
        f'A vector environment must observe a Box, not {self.space}. Wrap it, '
        'e.g. in gymnasium.wrappers.vector.FlattenObservation.'
      )
    self._mode = vector.metadata.get('autoreset_mode')
    if self._mode not in (_Mode.DISABLED, _Mode.SAME_STEP):
      raise ValueError(
        f'The vector environment has autoreset_mode {self._mode}: after an '
        'end, it ignores an action. Make it with '
        'gymnasium.vector.AutoresetMode.DISABLED.'
      )
    if len(seeds) != vector.num_envs:
      raise ValueError(
        f'{vector.num_envs} environments need as many seeds, not {len(seeds)}.'
      )
    self._vector = vector
    self._seeds: list[int] | None = list(seeds)
    # Of each: the action that was sent, the time step to give, and the first
    # observation of the next episode.
    self._actions: list[Any] = [None] * vector.num_envs
    self._steps: list[dm_env.TimeStep | None] = [None] * vector.num_envs
    self._firsts: list[Any] = [None] * vector.num_envs
    self._ended = np.ones(vector.num_envs, bool)

  def reset(self, index: int) -> Any:
    """The first observation of an environment's next episode."""
    if self._firsts[index] is None:
      # One that is asked for it in the midst of an episode too.
      self._ended[index] = True
      self._reset_ended()
    first, self._firsts[index] = self._firsts[index], None
    self._ended[index] = False
    return first

  def _reset_ended(self) -> None:
    """Begins an episode in all that have ended, and not yet begun."""
    due = self._ended & np.array([first is None for first in self._firsts])
    if self._seeds is not None:
      # The first time all are reset: later, the seeds would begin every episode
      # in the same state.
      seeds: Any = self._seeds  # Typed as one.
      observations, _ = self._vector.reset(seed=seeds)
      self._seeds = None
      due[:] = True
    else:
      observations, _ = self._vector.reset(options={'reset_mask': due.copy()})
    for i in np.flatnonzero(due):
      self._firsts[i] = self._own(observations[i])

  def send(self, index: int, action: Any) -> None:
    """Takes the action of an environment for this turn."""
    self._actions[index] = gymnasium_adapter.bound(self.actions_space, action)

  def receive(self, index: int) -> dm_env.TimeStep:
    """The time step of an environment; of all, once all have an action."""
    if self._steps[index] is None:
      missing = [i for i, x in enumerate(self._actions) if x is None]
      if missing:
        raise RuntimeError(
          f'Environments {missing} of the vector environment have no action: '
          'each needs one by `send` before the first `step`, as in '
          'BatchedActingLoop.'
        )
      self._step()
    step, self._steps[index] = self._steps[index], None
    assert step is not None
    return step

  def _step(self) -> None:
    actions, self._actions = self._actions, [None] * len(self._actions)
    observations, rewards, terminated, truncated, infos = self._vector.step(
      np.stack(actions)
    )
    self._ended = np.logical_or(terminated, truncated)
    for i, reward in enumerate(rewards):
      observation = self._own(observations[i])
      if self._ended[i] and self._mode == _Mode.SAME_STEP:
        self._firsts[i] = observation
        observation = self._own(infos['final_obs'][i])
      self._steps[i] = gymnasium_adapter.make_timestep(
        float(reward), observation, terminated[i], truncated[i]
      )

  def _own(self, observation: Any) -> np.ndarray:
    # A copy, because the environment may overwrite it with the next one.
    return np.array(observation, self.space.dtype)

  def close(self) -> None:
    """Closes all, once."""
    if not self._vector.closed:
      self._vector.close()


class _One(dm_env.Environment):
  """One environment of a group."""

  def __init__(self, group: _Group, index: int):
    self._group = group
    self._index = index

  def send(self, action: Any) -> None:
    """Takes the action for the next `step`."""
    self._group.send(self._index, action)

  def reset(self) -> dm_env.TimeStep:
    return dm_env.restart(self._group.reset(self._index))

  def step(self, action: Any) -> dm_env.TimeStep:
    del action  # It was sent.
    return self._group.receive(self._index)

  # dm_env's own methods have no types, so no type matches them.
  def observation_spec(  # pyright: ignore[reportIncompatibleMethodOverride]
    self,
  ) -> specs.Array:
    space = self._group.space
    return specs.Array(space.shape, space.dtype, 'observation')

  def action_spec(  # pyright: ignore[reportIncompatibleMethodOverride]
    self,
  ) -> specs.Array:
    return gymnasium_adapter.to_action_spec(self._group.actions_space)

  def close(self) -> None:
    self._group.close()
