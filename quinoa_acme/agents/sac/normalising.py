"""Normalises the observations that Acme's learner and its policy see.

The learner knows nothing of it: its samples come normalised. Its statistics go
to the actors with the policy's parameters.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast, NamedTuple

from acme import core
from acme import types as acme_types
from acme.agents.jax import sac
import jax
import jax.numpy as jnp
import numpy as np
import reverb

from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.common import off_policy
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests


class NormalisedPolicy(NamedTuple):
  """The variables of a policy that takes observations as they are.

  Attributes:
    params: of the network, which takes them normalised.
    statistics: of the observations.
  """

  params: types.Params
  statistics: observations_lib.Statistics


class NormalisedState(NamedTuple):
  """The saved state of a `NormalisingLearner`.

  Attributes:
    learner: the state of Acme's learner.
    statistics: of the observations.
    calls: number of the learner's calls, int32 scalar.
  """

  learner: Any
  statistics: observations_lib.Statistics
  calls: np.ndarray


def initial_statistics(
  spec: types.EnvironmentSpec,
) -> observations_lib.Statistics:
  """Statistics of mean 0 and variance 1, for acting before learning."""

  def full(value: float) -> Any:
    return jax.tree_util.tree_map(
      lambda leaf: np.full(leaf.shape, value, np.float32),
      nests.canonical_spec(spec.observations),
    )

  return observations_lib.Statistics(full(0.0), full(1.0))


def saved_policy(
  saved: off_policy.SavedPolicy, statistics: observations_lib.Statistics
) -> off_policy.SavedPolicy:
  """Describes where the policy lies in a `NormalisedState`.

  Args:
    saved: where it lies in the state of Acme's learner, within a
      `CountedState`.
    statistics: those before the first SGD step.

  Returns:
    The description, of a `NormalisedPolicy`.
  """
  learner = NormalisedState(
    saved.like.learner,
    jax.tree_util.tree_map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), statistics
    ),
    cast(Any, jax.ShapeDtypeStruct((), np.int32)),
  )
  return off_policy.SavedPolicy(
    like=saved.like._replace(learner=learner),
    as_params=lambda state: NormalisedPolicy(
      saved.as_params(state._replace(learner=state.learner.learner)),
      state.learner.statistics,
    ),
  )


def make_policy(policy: off_policy.Policy) -> off_policy.Policy:
  """Adapts a policy of normalised observations to a `NormalisedPolicy`."""

  def normalised_policy(variables, key, observation):
    seen = observations_lib.normalise(variables.statistics, observation)
    return policy(variables.params, key, seen)

  return normalised_policy


class NormalisingLearner(core.Learner):
  """Acme's SAC learner, whose samples come normalised by running statistics.

  A call's sample, of one or several SGD steps, counts as one batch of the
  statistics, and is normalised after it has changed them.
  """

  def __init__(
    self,
    make_learner: Callable[[Iterator[reverb.ReplaySample]], sac.SACLearner],
    dataset: Iterator[reverb.ReplaySample],
    option: observations_lib.NormalisedObservations,
    statistics: observations_lib.Statistics,
  ):
    """Makes the learner.

    Args:
      make_learner: makes Acme's learner, given its samples.
      dataset: samples whose data are transitions.
      option: how the statistics follow the samples.
      statistics: those before the first SGD step.
    """

    def normalise(statistics, calls, transitions):
      statistics = observations_lib.update(
        option, statistics, transitions.observation, calls
      )
      return statistics, transitions._replace(
        observation=observations_lib.normalise(
          statistics, transitions.observation
        ),
        next_observation=observations_lib.normalise(
          statistics, transitions.next_observation
        ),
      )

    self._normalise = jax.jit(normalise)
    self._statistics = statistics
    self._calls = 0
    self._learner = make_learner(map(self._take, dataset))

  def _take(self, sample: reverb.ReplaySample) -> reverb.ReplaySample:
    self._statistics, transitions = self._normalise(
      self._statistics,
      jnp.asarray(self._calls, jnp.int32),
      acme_types.Transition(*sample.data),
    )
    self._calls += 1
    return sample._replace(data=transitions)

  def step(self) -> None:
    """Calls Acme's learner once."""
    self._learner.step()

  def get_variables(self, names: Sequence[str]) -> list[NormalisedPolicy]:
    """Serves the parameters of Acme's learner, with the statistics."""
    return [
      NormalisedPolicy(params, self._statistics)
      for params in self._learner.get_variables(list(names))
    ]

  def save(self) -> NormalisedState:
    """Returns the state of Acme's learner, and the statistics."""
    return NormalisedState(
      self._learner.save(),
      self._statistics,
      np.asarray(self._calls, np.int32),
    )

  def restore(self, state: NormalisedState) -> None:
    """Resumes from a state of `save`."""
    self._learner.restore(state.learner)
    self._statistics = state.statistics
    self._calls = int(state.calls)
