"""The learner alone, on any iterator of transitions.

Here they are of a task of one step: an arm is told where to point, and is paid
less the further it points away. Actions are random; the policy is learnt.

Run it by `python examples/learner_alone.py`.
"""

from collections.abc import Iterator
import dataclasses

import jax
import numpy as np

from quinoa_acme.agents import quinoa
from quinoa_acme.data import replay
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import specs

SPEC = specs.EnvironmentSpec(
  observations=specs.Array((2,), np.float32, 'target'),
  actions=specs.BoundedArray((2,), np.float32, -1.0, 1.0, 'position'),
  rewards=specs.Array((), np.float32, 'reward'),
  discounts=specs.BoundedArray((), np.float32, 0.0, 1.0, 'discount'),
)


def make_transitions(size: int, seed: int) -> Iterator[types.Transition]:
  """Yields batches of random transitions."""
  rng = np.random.default_rng(seed)
  while True:
    target, position = rng.uniform(-1, 1, (2, size, 2)).astype(np.float32)
    yield types.Transition(
      observation=target,
      action=position,
      reward=-np.linalg.norm(position - target, axis=-1),
      discount=np.zeros(size, np.float32),  # Nothing follows.
      next_observation=target,
    )


def learn(config: quinoa.QuinoaConfig, num_calls: int, seed: int = 0) -> float:
  """Learns, and returns how far from its targets the policy then points."""
  networks = quinoa.QuinoaAgent(config).make_networks(SPEC)
  batches = make_transitions(config.samples_per_step, seed)
  key = jax.random.PRNGKey(seed)
  samples = map(replay.as_sample, batches)
  learner = quinoa.QuinoaLearner(networks, config, key, samples)
  for _ in range(num_calls):
    learner.step()
  [variables] = learner.get_variables(['policy'])
  target = next(batches).observation
  position = quinoa.make_policy(networks)(variables, key, target)
  return float(np.linalg.norm(position - target, axis=-1).mean())


if __name__ == '__main__':
  small = quinoa.QuinoaConfig.debug()
  one_step = dataclasses.replace(small, returns=quinoa.OneStep())
  print(f'{learn(one_step, 0):.2f} before, {learn(one_step, 500):.2f} after')
