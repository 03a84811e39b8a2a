"""An actor of the default preset in cheetah-run, and the environment alone.

  python -m benchmarks.workers.actor localhost:1234 1

The arguments are the address of a `replay_server`, and the actor's number of
environments. A message has `acts`, whether there is an actor: policy, adder and
Reverb, in the loop of a run's actor node; and `steps`. The answer is the steps
a second.
"""

import os

from quinoa_acme.utils import resources

# As the actor node of a run is set up.
os.environ.update(resources.environment_of('actor_0'))

from collections.abc import Sequence
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


def _make_loop(envs: Sequence[dm_env.Environment], address: str):
  number = len(envs)
  spec = specs.make_environment_spec(envs[0])
  agent = quinoa.QuinoaAgent(
    replay_server.without_limits(quinoa.QuinoaConfig())
  )
  networks = agent.make_networks(spec)
  builder = quinoa.QuinoaBuilder(agent.config)
  key = jax.random.PRNGKey(0)
  policy = agent.make_policy(networks)
  client = reverb.Client(address)
  source = _Source(builder.make_learner(key, networks, iter(())))
  if number == 1:
    adder = builder.make_adder(client)
    actor = builder.make_actor(key, policy, adder, source)
    return acting_loop.ActingLoop(envs[0], actor)
  batched_adder = builder.make_batched_adder(client, number)
  actor = builder.make_batched_actor(key, policy, batched_adder, source)
  return acting_loop.BatchedActingLoop(envs, actor)


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
  make = environments.EnvironmentFactory('control:cheetah:run')
  alone = make(0)
  loop = _make_loop([make(i) for i in range(int(sys.argv[2]))], sys.argv[1])
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
