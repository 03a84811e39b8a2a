"""Acme's local layout, with its numbers taken from a configuration.

`LocalLayout` acts and learns in one thread. It schedules its learner by its own
numbers, in addition to those of the replay's limiter. If the two disagree, the
actor waits at the limiter for the learner, or the learner for the actor; in one
thread, forever. So the builders refuse a plain `LocalLayout`; see
`agents/common/pace.py`.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, TypeVar

from acme import specs
from acme.agents.jax import builders
from acme.jax.layouts import local_layout
from acme.utils import counting

from quinoa_acme.agents.common import off_policy

ConfigT = TypeVar('ConfigT', bound=off_policy.OffPolicyConfig)

# So wide that it is never reached.
_NO_LIMIT = 1e9


def make_local_layout(
  config: ConfigT,
  spec: specs.EnvironmentSpec,
  make_builder: Callable[[ConfigT], builders.GenericActorLearnerBuilder],
  networks: Any,
  policy: Any,
  *,
  seed: int = 0,
  counter: counting.Counter | None = None,
) -> local_layout.LocalLayout:
  """Makes an agent that acts and learns in one thread, from a builder.

  Only the layout controls the ratio of updates to steps. As in Acme's own local
  agents, the builder gets options that switch off the replay's limiter.

  Args:
    config: the agent's options.
    spec: the environment's specs.
    make_builder: makes the builder of replay, adder, actor and learner from
      options: `QuinoaBuilder` itself, a class derived from it, or a function
      that wraps it, e.g. in `NormalizationBuilder`.
    networks: the learner's networks.
    policy: the actor's policy.
    seed: for everything random except Reverb's sampling.
    counter: counts `steps`, the SGD steps.

  Returns:
    The agent, for `acme.EnvironmentLoop`. Learning starts when replay holds
    `min_replay_size` transitions and enough for one learner call. It writes no
    checkpoint.

  Raises:
    ValueError: if the layout cannot keep the ratio of samples to inserts.
  """
  ratio = config.samples_per_step / config.samples_per_insert
  if not (ratio.is_integer() or (1 / ratio).is_integer()):
    raise ValueError(
      "Acme's LocalLayout rounds the environment steps of each learner call, "
      'batch_size * num_sgd_steps_per_step / samples_per_insert = '
      f'{ratio:g}, and so would not keep the ratio of samples to inserts. '
      'Choose them so that this or its inverse is a whole number.'
    )
  unlimited = dataclasses.replace(
    config, min_replay_size=1, samples_per_insert_tolerance=_NO_LIMIT
  )
  return local_layout.LocalLayout(
    seed=seed,
    environment_spec=spec,
    builder=make_builder(unlimited),
    networks=networks,
    policy_network=policy,
    workdir=None,
    min_replay_size=config.min_replay_size,
    samples_per_insert=config.samples_per_insert,
    batch_size=config.batch_size,
    num_sgd_steps_per_step=config.num_sgd_steps_per_step,
    counter=counter,
  )
