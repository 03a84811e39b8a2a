"""Acme's DistributedSAC under `local_mp`; not a worker, a whole program.

  python -m benchmarks.workers.distributed_sac num_steps num_updates folder

Writes its counts to `folder/counts.json` and ends when both are reached. One
actor; no evaluator, since Acme's runs without a pause beside the actor. Widths
256, batch 256 and one update an environment step are Acme's defaults, and
learning begins after 1000 steps, as Quinoa's does.
"""

import json
import os
import pathlib
import sys
import time

import quinoa_acme  # noqa: F401  Binds the names that Acme needs of JAX.

from absl import flags  # isort: skip
from acme.agents.jax import sac
from acme.utils import counting
from acme.utils import lp_utils
import launchpad as lp

from quinoa_acme import environments

ENV_NAME = 'control:cheetah:run'


def _make_environment(is_evaluation: bool):
  del is_evaluation
  return environments.make_environment(ENV_NAME, 0)


class _Limiter(lp_utils.StepsLimiter):
  """Writes down the counts, and ends the program when they are reached."""

  def __init__(
    self, counter: counting.Counter, num_steps: int, num_updates: int
  ):
    super().__init__(counter, num_steps)
    self._enough = {'actor_steps': num_steps, 'learner_steps': num_updates}

  # Acme's goes on until it is killed.
  def run(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
    path = pathlib.Path.home() / 'counts.json'
    while True:
      counts = self._counter.get_counts()
      aside = path.with_suffix('.tmp')
      aside.write_text(json.dumps(counts))
      os.replace(aside, path)
      if all(counts.get(x, 0) >= least for x, least in self._enough.items()):
        lp.stop()
        return
      time.sleep(0.2)


class _Program(sac.DistributedSAC):
  """Acme's, with nodes that bind the names that Acme needs of JAX.

  Each node is an interpreter of its own that unpickles its function, and what
  that is a part of is imported first: this module.
  """

  def __init__(self, num_updates: int, **options):
    super().__init__(**options)
    self._num_updates = num_updates

  def replay(self):
    return super().replay()

  def counter(self):
    return super().counter()

  def learner(self, random_key, replay, counter):
    return super().learner(random_key, replay, counter)

  def actor(self, random_key, replay, variable_source, counter, actor_id):
    return super().actor(random_key, replay, variable_source, counter, actor_id)

  def coordinator(self, counter, max_actor_steps):
    return _Limiter(counter, max_actor_steps, self._num_updates)


def main() -> None:
  """Launches, and waits for the end."""
  num_steps, num_updates = (int(x) for x in sys.argv[1:3])
  # Where Acme writes its checkpoints, and the limiter the counts.
  os.environ['HOME'] = sys.argv[3]
  flags.FLAGS(sys.argv[:1])
  program = _Program(
    num_updates,
    environment_factory=_make_environment,
    network_factory=sac.make_networks,
    config=sac.SACConfig(min_replay_size=1000, target_entropy=-6.0),
    seed=0,
    num_actors=1,
    max_number_of_steps=num_steps,
    normalize_input=False,
    evaluator_factories=[],
  )
  lp.launch(
    program.build(),
    launch_type=lp.LaunchType.LOCAL_MULTI_PROCESSING,
    terminal='output_to_files',
  )


if __name__ == '__main__':
  # By its name, so that what nodes unpickle is not in `__main__`.
  from benchmarks.workers import distributed_sac

  distributed_sac.main()
