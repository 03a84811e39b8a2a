"""An environment whose agent takes turns, so many steps each."""

import dm_env

from benchmarks import turns as turns_lib

# The task of all that train in one process: SBX takes Gymnasium's.
ENV_NAME = 'gymnasium:HalfCheetah-v5'


class TurnEnvironment(dm_env.Environment):
  """Passes everything on, and waits for its turn between two steps."""

  def __init__(
    self, environment: dm_env.Environment, turns: turns_lib.TurnsByStep
  ):
    """Wraps an environment; several may share `turns`."""
    self._environment = environment
    self._turns = turns

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode."""
    self._turns.start()
    return self._environment.reset()

  def step(self, action) -> dm_env.TimeStep:
    """Makes a step; waits after the last one of a turn."""
    timestep = self._environment.step(action)
    self._turns.step()
    return timestep

  def observation_spec(self):
    """The environment's own."""
    return self._environment.observation_spec()

  def action_spec(self):
    """The environment's own."""
    return self._environment.action_spec()

  def reward_spec(self):
    """The environment's own."""
    return self._environment.reward_spec()

  def discount_spec(self):
    """The environment's own."""
    return self._environment.discount_spec()

  def close(self) -> None:
    """Closes the environment."""
    self._environment.close()
