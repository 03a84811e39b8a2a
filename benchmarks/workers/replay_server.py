"""Quinoa's replay, as in a distributed run.

  python -m benchmarks.workers.replay_server 1

The argument is the transitions of an item, and the first answer the server's
address. It holds random transitions, and no limiter keeps it back. A learner
that samples serves it from its own process.
"""

import dataclasses
import os
import sys
from typing import TypeVar

from quinoa_acme.utils import resources

if __name__ == '__main__':
  # Other workers import this module too.
  os.environ.update(resources.environment_of('replay'))

from acme import specs
import dm_env
import numpy as np
import reverb

from benchmarks import turns as turns_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import off_policy

ConfigT = TypeVar('ConfigT', bound=off_policy.OffPolicyConfig)

# Of cheetah-run.
SPEC = specs.EnvironmentSpec(
  observations=specs.Array((17,), np.float32, 'observation'),
  actions=specs.BoundedArray((6,), np.float32, -1.0, 1.0, 'action'),
  rewards=specs.Array((), np.float32, 'reward'),
  discounts=specs.BoundedArray((), np.float32, 0.0, 1.0, 'discount'),
)
_NUM_TRANSITIONS = 5_000


def without_limits(config: ConfigT) -> ConfigT:
  """Options under which nobody waits for anybody."""
  return dataclasses.replace(
    config, min_replay_size=1, samples_per_insert_tolerance=1e9
  )


def serve(transitions_per_item: int) -> reverb.Server:
  """Serves the replay from this process, in threads that give way.

  Args:
    transitions_per_item: as in the agent's configuration.

  Returns:
    The server, filled.
  """
  return resources.call_behind(lambda: _serve(transitions_per_item))


def _serve(transitions_per_item: int) -> reverb.Server:
  config = without_limits(
    quinoa.QuinoaConfig(transitions_per_item=transitions_per_item)
  )
  server = reverb.Server(quinoa.QuinoaBuilder(config).make_replay_tables(SPEC))
  adder = quinoa.QuinoaBuilder(config).make_adder(server.localhost_client())
  rng = np.random.default_rng(0)

  def observe() -> np.ndarray:
    return rng.normal(size=17).astype(np.float32)

  adder.add_first(dm_env.restart(observe()))
  for _ in range(_NUM_TRANSITIONS):
    action = rng.uniform(-1, 1, 6).astype(np.float32)
    # Of the table's dtypes; `dm_env.transition` takes a float of Python's.
    reward, discount = np.float32(rng.uniform()), np.float32(1.0)
    step = dm_env.TimeStep(dm_env.StepType.MID, reward, discount, observe())
    adder.add(action, step)
  return server


def main() -> None:
  """Serves until the process is ended."""
  turns = turns_lib.Turns()
  server = serve(int(sys.argv[1]))
  while True:
    turns.wait(f'localhost:{server.port}')


if __name__ == '__main__':
  main()
