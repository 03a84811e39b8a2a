"""A learner, of Quinoa or of Acme's SAC, that makes updates when it is told to.

  python -m benchmarks.workers.learner quinoa

A message has `scan`, the updates a call of the learner; `calls`, how many calls
are timed; `item`, the transitions of an item of the replay that it samples in
its own process, as a run's learner does, or 0 if the data are ready. The answer
is the updates a second.
"""

import os

from quinoa_acme.utils import resources

# As the learner node of a run is set up.
os.environ.update(resources.environment_of('learner'))

import dataclasses
import functools
import sys
import time
from typing import Any

from acme.utils.loggers import base as loggers_base
import jax

from benchmarks import turns as turns_lib
from benchmarks.workers import replay_server
from experiments.lib import random_data
from quinoa_acme import networks
from quinoa_acme.agents import agents
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import samples

_CONFIGS = {
  'quinoa': quinoa.QuinoaConfig(),
  # As wide as SAC's networks.
  'direct': dataclasses.replace(
    quinoa.QuinoaConfig.direct(), flow=networks.EnergyFlowConfig((256, 256))
  ),
  'sac': sac.SACConfig(),
}
# Calls that are not timed: the first compiles, and between turns the replay
# reads ahead, into its own queue, the dataset's and the node's.
_LEFT_OUT = 4


# One for each kind of item, as long as the process.
_serve_replay = functools.cache(replay_server.serve)


@functools.cache
def _make_learner(agent_name: str, scan: int, item: int) -> Any:
  config = replay_server.without_limits(
    dataclasses.replace(_CONFIGS[agent_name], num_sgd_steps_per_step=scan)
  )
  agent = agents.make_agent(config)
  spec = replay_server.SPEC
  builder = agent.make_builder(spec, loggers_base.NoOpLogger)
  if item:
    client = _serve_replay(item).localhost_client()
    data = samples.StoppableIterator(
      lambda: builder.make_dataset_iterator(client)
    )
  else:
    batch = random_data.make_batch(spec, config.samples_per_step, config.window)
    sample = replay_lib.as_sample(batch)
    data = iter(lambda: sample, None)
  return builder.make_learner(
    jax.random.PRNGKey(0), agent.make_networks(spec), data
  )


def _measure(learner: Any, calls: int, scan: int) -> float:
  for _ in range(_LEFT_OUT):
    learner.step()
  jax.block_until_ready(learner.save())
  started = time.perf_counter()
  for _ in range(calls):
    learner.step()
  # Quinoa's waits for its metrics, and SAC's for nothing.
  jax.block_until_ready(jax.live_arrays())
  return calls * scan / (time.perf_counter() - started)


def main() -> None:
  """Answers messages until there are none."""
  resources.compute_in_calling_thread()
  turns = turns_lib.Turns()
  answer = None
  while True:
    message = turns.wait(answer)
    scan = message['scan']
    learner = _make_learner(sys.argv[1], scan, message['item'])
    answer = _measure(learner, message['calls'], scan)


if __name__ == '__main__':
  main()
