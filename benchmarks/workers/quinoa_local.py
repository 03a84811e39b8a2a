"""A run of Quinoa in one process, a turn of environment steps at a time.

python -m benchmarks.workers.quinoa_local num_steps steps_per_turn workdir
"""

import os

from quinoa_acme.utils import resources

# As experiments/run_quinoa.py does.
os.environ.update(resources.environment_of('learner'))

import sys

import dm_env

from benchmarks import turns as turns_lib
from benchmarks.workers import turn_environment
from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import running


def main() -> None:
  """Trains, with an evaluation before and after, which is in no turn."""
  resources.compute_in_calling_thread()
  num_steps, steps_per_turn = (int(x) for x in sys.argv[1:3])
  turns = turns_lib.TurnsByStep(turns_lib.Turns(), steps_per_turn)

  def make(seed: int) -> dm_env.Environment:
    environment = environments.make_environment(turn_environment.ENV_NAME, seed)
    if seed in evaluations:
      return environment
    return turn_environment.TurnEnvironment(environment, turns)

  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig(),
    environment_factory=make,
    env_name=turn_environment.ENV_NAME,
    workdir=sys.argv[3],
    num_steps=num_steps,
    eval_every=num_steps,
    evaluation_episodes=1,
    # It waits for its turn in the environment.
    environment_timeout=3600.0,
  )
  evaluations = {
    config.seed_of(f'evaluator at {steps}') for steps in (0, num_steps)
  }
  os._exit(running.run(config, launch_type=None))


if __name__ == '__main__':
  main()
