"""The SAC of SBX, a turn of environment steps at a time.

  <its python> -m benchmarks.workers.sbx_sac num_steps steps_per_turn

Batch 256, widths 256, one update an environment step from the 1000th on; the
rest, settings of threads included, is SBX's and JAX's own.
"""

import sys

import gymnasium

# Not in our environment, where type checkers look.
from sbx import SAC  # pyright: ignore[reportMissingImports]

from benchmarks import turns as turns_lib


class _TurnWrapper(gymnasium.Wrapper):
  """Waits for its turn between two steps."""

  def __init__(self, environment, turns: turns_lib.TurnsByStep):
    super().__init__(environment)
    self._turns = turns

  def step(self, action):
    self._turns.start()
    result = super().step(action)
    self._turns.step()
    return result


def main() -> None:
  """Trains to the end."""
  num_steps, steps_per_turn = (int(x) for x in sys.argv[1:3])
  turns = turns_lib.TurnsByStep(turns_lib.Turns(), steps_per_turn)
  environment = _TurnWrapper(gymnasium.make('HalfCheetah-v5'), turns)
  agent = SAC(
    'MlpPolicy', environment, learning_starts=1000, batch_size=256, seed=0
  )
  agent.learn(num_steps)


if __name__ == '__main__':
  main()
