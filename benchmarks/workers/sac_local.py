"""Acme's local SAC agent, a turn of environment steps at a time.

  python -m benchmarks.workers.sac_local num_steps steps_per_turn workdir

Agent, loop and settings of threads are Acme's and JAX's own; widths 256, batch
256 and one update an environment step are its defaults, and learning begins
after 1000 steps, as Quinoa's does.
"""

import os
import sys

import quinoa_acme  # noqa: F401  Binds the names that Acme needs of JAX.

import acme  # isort: skip
from acme import specs
from acme.agents.jax import sac
from acme.utils import loggers

from benchmarks import turns as turns_lib
from benchmarks.workers import turn_environment
from quinoa_acme import environments


def main() -> None:
  """Trains to the end."""
  num_steps, steps_per_turn = (int(x) for x in sys.argv[1:3])
  # Where Acme writes its checkpoints.
  os.environ['HOME'] = sys.argv[3]
  turns = turns_lib.TurnsByStep(turns_lib.Turns(), steps_per_turn)
  environment = turn_environment.TurnEnvironment(
    environments.make_environment(turn_environment.ENV_NAME, 0), turns
  )
  spec = specs.make_environment_spec(environment)
  agent = sac.SAC(
    spec,
    sac.make_networks(spec),
    sac.SACConfig(
      min_replay_size=1000,
      target_entropy=sac.target_entropy_from_env_spec(spec),
    ),
    seed=0,
    normalize_input=False,
  )
  acme.EnvironmentLoop(environment, agent, logger=loggers.NoOpLogger()).run(
    num_steps=num_steps
  )
  os._exit(0)


if __name__ == '__main__':
  main()
