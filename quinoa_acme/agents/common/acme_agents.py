"""Adapters with which Acme's own agents run like the package's.

Acme's actors cannot be saved. Its learners count calls, each of which may make
several SGD steps.
"""

import collections
from collections.abc import Callable, Iterator, Sequence
import dataclasses
from typing import Any, cast, NamedTuple

from acme import adders as adders_lib
from acme import core
from acme import specs
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
from quinoa_acme.data import adders
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests


def as_acme(spec: types.EnvironmentSpec) -> specs.EnvironmentSpec:
  """Converts the specs to Acme's class."""
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
    name: of the agent that requires it.
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
      f'{actions!r}. Wrap it in acme.wrappers.CanonicalSpecWrapper, and make '
      'sure that it takes floats.'
    )


class BuilderMixin:
  """Adapts a builder of Acme's to a run, as its first base class.

  The actors are the package's, which can be saved. A step of the learner counts
  as an SGD step, not as a call of several.
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
      replay_client: client of the server with the table.
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
      cast(Any, self)._config.num_sgd_steps_per_step,  # In Acme's builder.
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
    config = cast(Any, self)._config  # In Acme's builder.
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
    """Makes the actor of Acme's builders, in a form that can be saved.

    Args:
      random_key: the actor's random key.
      policy_network: the policy.
      adder: receives the actor's observations, if given.
      variable_source: the learner, or a proxy of it.

    Returns:
      The actor.
    """
    assert variable_source is not None
    return actors.SaveableActor(
      actors.make_core(policy_network),
      random_key,
      _make_variable_client(variable_source),
      adder,
    )

  def make_batched_adder(
    self, replay_client: reverb.Client, num_environments: int
  ) -> adders.BatchedAdder:
    """Makes the adder for an actor of this many environments."""
    make_adder = cast(Any, self).make_adder  # In Acme's builder.
    return adders.AdderEach(
      [make_adder(replay_client) for _ in range(num_environments)]
    )

  def make_batched_actor(
    self,
    random_key: networks_lib.PRNGKey,
    policy: off_policy.Policy,
    adder: adders.BatchedAdder,
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
  """The saved state of a learner.

  Attributes:
    learner: the state of Acme's learner.
    steps: number of SGD steps, int64 scalar.
  """

  learner: Any
  steps: np.ndarray


def with_inputs(
  network: networks_lib.FeedForwardNetwork,
) -> networks_lib.FeedForwardNetwork:
  """Gives a network of Acme's the `init` that all networks here have.

  Acme's `init(key)` has its shapes from the specs, and no parameter of its
  networks depends on data.

  Args:
    network: the network, with `init(key)`.

  Returns:
    The network, with `init(key, observation[, action])`. Acme's learners still
    call `init(key)`.
  """

  def init(
    key: types.PRNGKey,
    observation: types.Observation = None,
    action: types.NestedArray = None,
  ) -> types.Params:
    del observation, action
    return network.init(key)

  return dataclasses.replace(network, init=init)


def saved_policy(
  init: Callable[[types.PRNGKey], types.Params], field: str
) -> off_policy.SavedPolicy:
  """Describes where the policy lies in a `CountedState`.

  Args:
    init: makes the policy's parameters from a random key.
    field: their field in the state of Acme's learner.

  Returns:
    The description.
  """
  params = jax.eval_shape(init, jax.random.PRNGKey(0))
  # The part of the learner's state that acting needs, by its saved path.
  learner = collections.namedtuple('Learner', [field])(params)
  return off_policy.SavedPolicy(
    like=CountedState(learner, cast(Any, jax.ShapeDtypeStruct((), np.int64))),
    as_params=lambda state: getattr(state.learner, field),
  )


class CountedLearner(core.Learner):
  """Acme's learner, with each call counted as the SGD steps that it makes."""

  def __init__(
    self,
    make_learner: Callable[[counting.Counter], core.Learner],
    counter: counting.Counter | None,
    steps_per_call: int,
  ):
    """Makes the learner.

    Args:
      make_learner: makes Acme's learner, given a counter for its calls.
      counter: counts the SGD steps, as `steps`.
      steps_per_call: SGD steps per call.
    """
    counter = counter or counting.Counter()
    self._learner = make_learner(_CallCounter(counter, steps_per_call))
    self._steps_per_call = steps_per_call
    self._steps = 0

  def step(self) -> None:
    """Calls Acme's learner once."""
    self._learner.step()
    self._steps += self._steps_per_call

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Serves the parameters of Acme's learner."""
    return self._learner.get_variables(list(names))

  def save(self) -> CountedState:
    """Returns the state of Acme's learner, and the number of SGD steps."""
    # Before its first step, a learner may have Python numbers in its state.
    state = jax.tree_util.tree_map(jnp.asarray, self._learner.save())
    return CountedState(state, np.asarray(self._steps))

  def restore(self, state: CountedState) -> None:
    """Resumes from a state of `save`."""
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
