"""An actor of the default preset in cheetah-run, and the environment alone.

  python -m benchmarks.workers.actor localhost:1234

The argument is the address of a `replay_server`. A message has `acts`, whether
there is an actor: policy, adder and Reverb, in the loop of a run's actor node;
and `steps`. The answer is the steps a second.
"""

import os

from quinoa_acme import resources

# As the actor node of a run is set up.
os.environ.update(resources.environment_of('actor_0'))

import sys
import time

from acme import core
from acme import specs
import dm_env
import jax
import numpy as np
import reverb

from benchmarks import turns as turns_lib
from benchmarks.workers import replay_server
from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import acting_loop


class _Source(core.VariableSource):
  """Serves the parameters of a learner that learns nothing."""

  def __init__(self, learner: core.Learner):
    # As the learner node does.
    self._variables = jax.device_get(learner.get_variables(['policy']))

  def get_variables(self, names):
    del names
    return self._variables


def _make_loop(environment: dm_env.Environment, address: str):
  spec = specs.make_environment_spec(environment)
  agent = quinoa.QuinoaAgent(
    replay_server.without_limits(quinoa.QuinoaConfig())
  )
  networks = agent.make_networks(spec)
  builder = quinoa.QuinoaBuilder(agent.config)
  key = jax.random.PRNGKey(0)
  actor = builder.make_actor(
    key,
    agent.make_policy(networks),
    builder.make_adder(reverb.Client(address)),
    _Source(builder.make_learner(key, networks, iter(()))),
  )
  return acting_loop.ActingLoop(environment, actor)


def _step_alone(environment: dm_env.Environment, actions: np.ndarray) -> None:
  timestep = environment.reset()
  for action in actions:
    if timestep.last():
      timestep = environment.reset()
    timestep = environment.step(action)


def main() -> None:
  """Answers messages until there are none."""
  resources.compute_in_calling_thread()
  turns = turns_lib.Turns()
  environment = environments.make_environment('control:cheetah:run', 0)
  alone = environments.make_environment('control:cheetah:run', 0)
  loop = _make_loop(environment, sys.argv[1])
  loop.run_steps(100)
  rng = np.random.default_rng(0)
  answer = None
  while True:
    message = turns.wait(answer)
    steps = message['steps']
    actions = rng.uniform(-1, 1, (steps, 6)).astype(np.float32)
    started = time.perf_counter()
    if message['acts']:
      loop.run_steps(steps)
    else:
      _step_alone(alone, actions)
    answer = steps / (time.perf_counter() - started)


if __name__ == '__main__':
  main()
