"""An environment whose state can be saved, whatever it is made of.

In general an environment cannot be saved: its state is in a simulator, in
random generators, and in variables that nobody lists. But one that is made
from a seed is a function of its seed and of the actions that it was given. So
these are what is saved, and restoring means to make the environment again and
to give it the same actions. To keep them few, the environment is made anew,
from another seed, at the first reset after so many steps. See
docs/decisions/0013-resume.md.
"""

import collections
from collections.abc import Callable
from typing import Any, cast, NamedTuple
import zlib

from absl import logging
import dm_env
import numpy as np
import tree

from quinoa_acme.environments import checked
from quinoa_acme.environments import episodes
from quinoa_acme.utils import checkpointing

# So many that making it costs little against stepping it, and few enough for
# these steps to be made again within seconds.
_STEPS_OF_AN_ENVIRONMENT = 5000


class EnvironmentState(NamedTuple):
  """What an environment is a function of, and how to see that it is.

  Attributes:
    number: how many environments were made before this one.
    actions: all that it was given, [num_steps, *action_shape].
    resets: how many steps came before each of its resets, int64 [num_resets].
    checksum: of its last time step; 0 if there was none.
  """

  number: int
  actions: Any
  resets: Any
  checksum: int


class ReplayableEnvironment(checked.Checked):
  """Passes on to environments that it makes, and can be saved at any step."""

  def __init__(
    self,
    factory: Callable[[int], dm_env.Environment],
    seed: int,
    num_steps_each: int = _STEPS_OF_AN_ENVIRONMENT,
  ):
    """Makes the first environment.

    Args:
      factory: makes an environment from a seed in [0, 2**32).
      seed: of all of them; each gets one of its own.
      num_steps_each: the steps after which, at the next reset, an environment
        gives way to a new one.
    """
    self._factory = factory
    self._seed = seed
    self._num_steps_each = num_steps_each
    self._make(0)

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode, in a new environment if it is time for one."""
    if len(self._actions) >= self._num_steps_each:
      episodes.close(self._environment)
      self._make(self._number + 1)
    self._resets.append(len(self._actions))
    self._timestep = self._environment.reset()
    return self._timestep

  def step(self, action: Any) -> dm_env.TimeStep:
    """Makes a step; after an episode's last one, starts another."""
    if self._timestep is None or self._timestep.last():
      return self.reset()
    self._timestep = self._environment.step(action)
    # It fits the dtype, or the environment would have been refused it.
    self._actions.append(np.array(action, self._action_dtype))
    return self._timestep

  def observation_spec(self) -> Any:
    """The environments' observations."""
    return self._environment.observation_spec()

  def action_spec(self) -> Any:
    """The environments' actions."""
    return cast(Any, self._environment.action_spec())

  def reward_spec(self) -> Any:
    """The environments' rewards."""
    return self._environment.reward_spec()

  def discount_spec(self) -> Any:
    """The environments' discounts."""
    return self._environment.discount_spec()

  def close(self) -> None:
    """Closes the environment in use."""
    self._environment.close()

  def state_like(self) -> EnvironmentState:
    """What a saved state looks like, for `checkpointing`."""
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
    """Goes on from a saved state.

    Args:
      state: what `save` gave.

    Returns:
      The time steps of the episode under way, its first to its last so far;
      none if there was no episode. None either, after a warning, if the
      environment is no function of seed and actions: it then goes on with a
      new episode of a new environment.
    """
    episodes.close(self._environment)
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
      'that its state could not be restored. The run goes on with a new '
      'episode, and differs from one that was never stopped. If it is meant to '
      'be reproducible, look for what in it does not come from its seed.'
    )
    episodes.close(self._environment)
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
