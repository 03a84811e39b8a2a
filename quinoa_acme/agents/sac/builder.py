"""Builds the parts of Acme's SAC, with a learner that counts SGD steps."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from acme import adders
from acme import core
from acme.agents.jax import actor_core as actor_core_lib
from acme.agents.jax import sac
from acme.jax import networks as networks_lib
from acme.jax import variable_utils
from acme.utils import counting
import jax
import jax.numpy as jnp
import numpy as np
import reverb

from quinoa_acme.agents import actors
from quinoa_acme.agents import off_policy


class SACBuilder(sac.SACBuilder):
  """Acme's builder, but its actor can be saved, and its learner counts.

  A step of the learner's is then an SGD step, and not a call of several.
  """

  def make_actor(
    self,
    random_key: networks_lib.PRNGKey,
    policy_network: off_policy.Policy,
    adder: adders.Adder | None = None,
    variable_source: core.VariableSource | None = None,
  ) -> core.Actor:
    """Makes Acme's actor."""
    assert variable_source is not None
    return actors.SaveableActor(
      actor_core_lib.batched_feed_forward_to_actor_core(policy_network),
      random_key,
      variable_utils.VariableClient(variable_source, 'policy', device='cpu'),
      adder,
      backend='cpu',
    )

  def make_learner(
    self,
    random_key: networks_lib.PRNGKey,
    networks: sac.SACNetworks,
    dataset: Iterator[reverb.ReplaySample],
    replay_client: reverb.Client | None = None,
    counter: counting.Counter | None = None,
  ) -> core.Learner:
    """Makes Acme's learner."""
    steps_per_call = self._config.num_sgd_steps_per_step
    learner = super().make_learner(
      random_key,
      networks,
      dataset,
      replay_client,
      _CallCounter(counter or counting.Counter(), steps_per_call),
    )
    return _CountedLearner(learner, steps_per_call)


class CountedState(NamedTuple):
  """What a learner saves.

  Attributes:
    learner: the state of Acme's learner.
    steps: SGD steps made, int64 scalar.
  """

  learner: Any
  steps: np.ndarray


class _CountedLearner(core.Learner):
  """Keeps with the state how many SGD steps have been made."""

  def __init__(self, learner: core.Learner, steps_per_call: int):
    self._learner = learner
    self._steps_per_call = steps_per_call
    self._steps = 0

  def step(self) -> None:
    self._learner.step()
    self._steps += self._steps_per_call

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    return self._learner.get_variables(list(names))

  def save(self) -> CountedState:
    return CountedState(self._learner.save(), np.asarray(self._steps))

  def restore(self, state: CountedState) -> None:
    self._learner.restore(jax.tree_util.tree_map(jnp.asarray, state.learner))
    self._steps = int(state.steps)


class _CallCounter(counting.Counter):
  """Counts each call of a learner as the SGD steps that it makes."""

  def __init__(self, counter: counting.Counter, steps_per_call: int):
    super().__init__()
    self._counter = counter
    self._steps_per_call = steps_per_call

  def increment(self, **counts: counting.Number) -> dict:
    steps = counts.pop('steps') * self._steps_per_call
    return self._counter.increment(steps=steps, **counts)

  def get_counts(self) -> dict:
    return self._counter.get_counts()
