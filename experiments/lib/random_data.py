"""Learners on random transitions, for tests independent of their values."""

from typing import cast

import jax
import numpy as np
import tree

from quinoa_acme.agents import agents
from quinoa_acme.agents.common import off_policy
from quinoa_acme.data import replay
from quinoa_acme.data import transitions
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import specs

# With the shape of walker.
SPEC = specs.EnvironmentSpec(
  observations=specs.Array((24,), np.float32),
  actions=specs.BoundedArray((6,), np.float32, -1.0, 1.0),
  rewards=specs.Array((), np.float32),
  discounts=specs.BoundedArray((), np.float32, 0.0, 1.0),
)


def make_batch(
  spec: types.EnvironmentSpec, size: int, window: int = 1
) -> types.Transition:
  """Draws transitions with parts between -1 and 1, the same each time.

  Args:
    spec: the environment's.
    size: number of transitions.
    window: number of steps that each holds one by one.

  Returns:
    Transitions with leaves [size, ...], within an episode: the discount is 1.
  """
  rng = np.random.default_rng(0)

  def draw(leaf: specs.Array) -> np.ndarray:
    return rng.uniform(-1.0, 1.0, (size, *leaf.shape)).astype(leaf.dtype)

  parts = tree.map_structure(draw, transitions.make_spec(spec, window))
  batch = cast(types.Transition, parts)
  discount = np.ones_like(batch.discount)
  return batch._replace(discount=discount, extras=batch.extras)


def make_learner(config: off_policy.OffPolicyConfig) -> core.Learner:
  """Makes an agent's learner whose every call finds the same sample ready.

  Args:
    config: the agent's options.

  Returns:
    The learner, for an environment with the specification `SPEC`.
  """
  sample = replay.as_sample(
    make_batch(SPEC, config.samples_per_step, config.window)
  )
  agent = agents.make_agent(config)
  builder = agent.make_builder(SPEC, core.NoOpLogger)
  return builder.make_learner(
    jax.random.PRNGKey(0),
    agent.make_networks(SPEC),
    iter(lambda: sample, None),
  )
