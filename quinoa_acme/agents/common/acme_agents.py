"""What it takes to run an agent of Acme's own as the package's are run.

Acme's actors cannot be saved, and its learners count calls, each of which may
be several SGD steps.
"""

import collections
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast, NamedTuple

from acme import adders as adders_lib
from acme import core
from acme import specs
from acme.agents.jax import actor_core as actor_core_lib
from acme.jax import networks as networks_lib
from acme.jax import variable_utils
from acme.utils import counting
import jax
import jax.numpy as jnp
import numpy as np
import reverb

from quinoa_acme.agents.common import actors
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import pace
from quinoa_acme.data import batched_adders
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests


def as_acme(spec: types.EnvironmentSpec) -> specs.EnvironmentSpec:
  """The specs as an object of Acme's."""
  return specs.EnvironmentSpec(
    nests.canonical_spec(spec.observations),
    spec.actions,
    spec.rewards,
    spec.discounts,
  )


def check_actions(spec: types.EnvironmentSpec, name: str) -> None:
  """Raises a ValueError if the action box is not [-1, 1], of floats.

  Args:
    spec: the environment's specs.
    name: of the agent that needs it so.
  """
  actions = spec.actions
  if not (
    isinstance(actions, specs.BoundedArray)
    and np.issubdtype(actions.dtype, np.floating)
    and np.prod(actions.shape) > 0
    and np.all(actions.minimum == -1)
    and np.all(actions.maximum == 1)
  ):
    raise ValueError(
      f'{name} acts in [-1, 1], in floats, but the environment takes '
      f'{actions!r}. Wrap it in acme.wrappers.CanonicalSpecWrapper, and so '
      'that it takes floats.'
    )


class BuilderMixin:
  """Makes a builder of Acme's one of a run's, in front of it as a base class.

  Its actors are the package's, which can be saved, and a step of its learner is
  an SGD step, and not a call of several.
  """

  def make_learner(
    self,
    random_key: networks_lib.PRNGKey,
    networks: Any,
    dataset: Iterator[reverb.ReplaySample],
    replay_client: reverb.Client | None = None,
    counter: counting.Counter | None = None,
  ) -> 'CountedLearner':
    """Makes Acme's learner.

    Args:
      random_key: the learner's random key.
      networks: Acme's networks.
      dataset: samples whose data are transitions.
      replay_client: of the server with the table.
      counter: counts steps (SGD steps) and walltime.

    Returns:
      The learner.
    """
    builder = cast(Any, super())
    return CountedLearner(
      lambda calls: builder.make_learner(
        random_key, networks, dataset, replay_client, calls
      ),
      counter,
      cast(Any, self)._config.num_sgd_steps_per_step,  # Of Acme's builder.
    )

  def make_replay_tables(
    self, environment_spec: specs.EnvironmentSpec
  ) -> list[reverb.Table]:
    """Makes Acme's tables.

    Args:
      environment_spec: the environment's specs.

    Returns:
      The tables.

    Raises:
      ValueError: if they are for a layout that would wait for itself.
    """
    config = cast(Any, self)._config  # Of Acme's builder.
    pace.check_layout(
      config.min_replay_size,
      config.samples_per_insert_tolerance_rate,
      type(self).__name__,
    )
    return cast(Any, super()).make_replay_tables(environment_spec)

  def make_actor(
    self,
    random_key: networks_lib.PRNGKey,
    policy_network: off_policy.Policy,
    adder: adders_lib.Adder | None = None,
    variable_source: core.VariableSource | None = None,
  ) -> actors.SaveableActor:
    """Makes the actor that Acme's builders make, but for its being saveable.

    Args:
      random_key: the actor's random key.
      policy_network: the policy.
      adder: takes what the actor sees, if given.
      variable_source: the learner, or a proxy of it.

    Returns:
      The actor.
    """
    assert variable_source is not None
    return actors.SaveableActor(
      actor_core_lib.batched_feed_forward_to_actor_core(policy_network),
      random_key,
      _make_variable_client(variable_source),
      adder,
    )

  def make_batched_adder(
    self, replay_client: reverb.Client, num_environments: int
  ) -> batched_adders.BatchedAdder:
    """Makes the adder of an actor of so many environments."""
    make_adder = cast(Any, self).make_adder  # Of Acme's builder.
    return batched_adders.AdderEach(
      [make_adder(replay_client) for _ in range(num_environments)]
    )

  def make_batched_actor(
    self,
    random_key: networks_lib.PRNGKey,
    policy: off_policy.Policy,
    adder: batched_adders.BatchedAdder,
    variable_source: core.VariableSource,
  ) -> actors.BatchedActor:
    """Makes an actor of several environments; see `ActorsOfSeveral`."""
    return actors.BatchedActor(
      policy, random_key, _make_variable_client(variable_source), adder
    )


def _make_variable_client(
  source: core.VariableSource,
) -> variable_utils.VariableClient:
  return variable_utils.VariableClient(source, 'policy', device='cpu')


class CountedState(NamedTuple):
  """What a learner saves.

  Attributes:
    learner: the state of Acme's learner.
    steps: SGD steps made, int64 scalar.
  """

  learner: Any
  steps: np.ndarray


def saved_policy(
  init: Callable[[types.PRNGKey], types.Params], field: str
) -> off_policy.SavedPolicy:
  """Says where the policy is in a `CountedState`.

  Args:
    init: makes the policy's parameters from a random key.
    field: where they are in the state of Acme's learner.

  Returns:
    The place.
  """
  params = jax.eval_shape(init, jax.random.PRNGKey(0))
  # The part of the learner's state that acts, by the path that it is saved at.
  learner = collections.namedtuple('Learner', [field])(params)
  return off_policy.SavedPolicy(
    like=CountedState(learner, cast(Any, jax.ShapeDtypeStruct((), np.int64))),
    as_params=lambda state: getattr(state.learner, field),
  )


class CountedLearner(core.Learner):
  """Acme's learner; a step of it counts as the SGD steps that it makes."""

  def __init__(
    self,
    make_learner: Callable[[counting.Counter], core.Learner],
    counter: counting.Counter | None,
    steps_per_call: int,
  ):
    """Makes the learner.

    Args:
      make_learner: makes Acme's, with a counter for it to count its calls.
      counter: takes the SGD steps, as `steps`.
      steps_per_call: SGD steps that each call makes.
    """
    counter = counter or counting.Counter()
    self._learner = make_learner(_CallCounter(counter, steps_per_call))
    self._steps_per_call = steps_per_call
    self._steps = 0

  def step(self) -> None:
    """Makes a call of Acme's learner."""
    self._learner.step()
    self._steps += self._steps_per_call

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Serves the parameters of Acme's learner."""
    return self._learner.get_variables(list(names))

  def save(self) -> CountedState:
    """Returns the state of Acme's learner, and the SGD steps made."""
    # A learner that has made no step may have Python's numbers in its state.
    state = jax.tree_util.tree_map(jnp.asarray, self._learner.save())
    return CountedState(state, np.asarray(self._steps))

  def restore(self, state: CountedState) -> None:
    """Goes on from what `save` gave."""
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
