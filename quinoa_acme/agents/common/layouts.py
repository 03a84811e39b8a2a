"""Acme's local layout with the numbers of a configuration.

`LocalLayout` acts and learns in one thread, and paces its learner by numbers of
its own, beside those of the replay's limiter. Where the two disagree, the actor
waits at the limiter for the learner or the learner for the actor, and as both
are one thread, for ever. So the builders refuse a plain `LocalLayout`; see
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

# Wide enough never to be reached.
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
  """Makes an agent of a builder that acts and learns in one thread.

  Only the layout keeps the pace: as in Acme's own local agents, the builder is
  made with options under which replay limits nothing.

  Args:
    config: the agent's options.
    spec: the environment's specs.
    make_builder: makes the builder of replay, adder, actor and learner from
      options: `QuinoaBuilder` itself, a class derived from it, or a function
      that wraps it, e.g. in `NormalizationBuilder`.
    networks: what its learner takes.
    policy: what its actor takes.
    seed: of everything random but Reverb's sampling.
    counter: counts `steps`, the SGD steps.

  Returns:
    The agent, for `acme.EnvironmentLoop`. It first learns when replay holds
    `min_replay_size` transitions and as many as a learner call samples. It
    writes no checkpoint.

  Raises:
    ValueError: if the layout could not keep the ratio of samples to inserts.
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
