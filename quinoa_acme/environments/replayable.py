"""An environment whose state can be saved, whatever its implementation.

In general an environment cannot be saved: its state is in a simulator, in
random generators, and in variables that nobody lists. But an environment that
is made from a seed is a function of that seed and of its actions. So these are
saved. Restoring makes the environment again and repeats the actions. To keep
them few, at the first reset after a number of steps the environment is replaced
by a new one, with another seed. See docs/decisions/0013-resume.md.
"""

import collections
from collections.abc import Callable
from typing import Any, cast, NamedTuple
import zlib

from absl import logging
import dm_env
import numpy as np
import tree

from quinoa_acme.environments import action_repeat
from quinoa_acme.environments import checked
from quinoa_acme.environments import wrappers
from quinoa_acme.utils import checkpointing

# So many frames that making the environment costs little against stepping it,
# yet few enough to repeat within seconds.
_FRAMES_OF_AN_ENVIRONMENT = 5000


class EnvironmentState(NamedTuple):
  """All that determines an environment, and a checksum to verify it.

  Attributes:
    number: how many environments were made before this one.
    actions: all its actions so far, [num_steps, *action_shape].
    resets: the number of steps before each of its resets, int64 [num_resets].
    checksum: of its last time step; 0 if there was none.
  """

  number: int
  actions: Any
  resets: Any
  checksum: int


class ReplayableEnvironment(checked.Checked):
  """Forwards to environments that it makes; can be saved at any step."""

  def __init__(
    self,
    factory: Callable[[int], dm_env.Environment],
    seed: int,
    num_frames_each: int = _FRAMES_OF_AN_ENVIRONMENT,
  ):
    """Makes the first environment.

    Args:
      factory: makes an environment from a seed in [0, 2**32).
      seed: for all of them; each gets a different one.
      num_frames_each: at the first reset after this many frames, which are
        the steps unless the factory's environments repeat actions, an
        environment is replaced by a new one.
    """
    self._factory = factory
    self._seed = seed
    self._num_frames_each = num_frames_each
    self._make(0)

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode, in a new environment if one is due."""
    num_frames = len(self._actions) * action_repeat.of(self._environment)
    if num_frames >= self._num_frames_each:
      wrappers.close(self._environment)
      self._make(self._number + 1)
    self._resets.append(len(self._actions))
    self._timestep = self._environment.reset()
    return self._timestep

  def step(self, action: Any) -> dm_env.TimeStep:
    """Makes a step; after an episode's last one, starts another."""
    if self._timestep is None or self._timestep.last():
      return self.reset()
    self._timestep = self._environment.step(action)
    # It fits the dtype: otherwise the environment would have refused it.
    self._actions.append(np.array(action, self._action_dtype))
    return self._timestep

  def observation_spec(self) -> Any:
    """The environments' observation spec."""
    return self._environment.observation_spec()

  def action_spec(self) -> Any:
    """The environments' action spec."""
    return cast(Any, self._environment.action_spec())

  def reward_spec(self) -> Any:
    """The environments' reward spec."""
    return self._environment.reward_spec()

  def discount_spec(self) -> Any:
    """The environments' discount spec."""
    return self._environment.discount_spec()

  def close(self) -> None:
    """Closes the current environment."""
    self._environment.close()

  def state_like(self) -> EnvironmentState:
    """The structure of a saved state, for `checkpointing`."""
    spec = self.action_spec()
    return EnvironmentState(
      number=0,
      actions=checkpointing.Rows(spec.shape, spec.dtype),
      resets=checkpointing.Rows((), np.dtype(np.int64)),
      checksum=0,
    )

  def save(self) -> EnvironmentState:
    """Returns the state, after any step."""
    spec = self.action_spec()
    return EnvironmentState(
      number=self._number,
      actions=np.reshape(
        np.array(self._actions, spec.dtype), (-1, *spec.shape)
      ),
      resets=np.array(self._resets, np.int64),
      checksum=_checksum(self._timestep),
    )

  def restore(self, state: EnvironmentState) -> list[dm_env.TimeStep]:
    """Resumes from a saved state.

    Args:
      state: the result of `save`.

    Returns:
      The time steps of the current episode so far; empty if there was none.
      Also empty, after a warning, if the environment is not a function of seed
      and actions: then a new environment starts a new episode.
    """
    wrappers.close(self._environment)
    self._make(state.number)
    resets = collections.Counter(state.resets.tolist())
    episode: list[dm_env.TimeStep] = []
    for num_steps in range(len(state.actions) + 1):
      if num_steps:
        episode.append(self.step(state.actions[num_steps - 1]))
      for _ in range(resets[num_steps]):
        episode = [self.reset()]
    if _checksum(self._timestep) == state.checksum:
      return episode
    logging.warning(
      'The environment gave other time steps for the same seed and actions, so '
      'its state could not be restored. The run continues with a new '
      'episode, and differs from one that was never stopped. If it is meant to '
      'be reproducible, look for what in it does not depend on its seed.'
    )
    wrappers.close(self._environment)
    self._make(state.number + 1)
    return []

  def _make(self, number: int) -> None:
    entropy = np.random.SeedSequence([self._seed, number])
    self._environment = checked.wrap(
      self._factory(int(entropy.generate_state(1)[0]))
    )
    self._action_dtype = self.action_spec().dtype
    self._number = number
    self._actions: list[np.ndarray] = []
    self._resets: list[int] = []
    self._timestep: dm_env.TimeStep | None = None


def _checksum(timestep: dm_env.TimeStep | None) -> int:
  checksum = 0
  for leaf in tree.flatten(timestep):
    if leaf is not None:
      checksum = zlib.crc32(np.ascontiguousarray(leaf).tobytes(), checksum)
  return checksum
