"""The actors of all agents: for one environment, or several at once."""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any, NamedTuple, Protocol

import dm_env
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.agents.common import off_policy
from quinoa_acme.data import adders
from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import nests
from quinoa_acme.utils import resources


@dataclasses.dataclass
class ActorCore:
  """An actor's pure functions; as `acme.agents.jax.actor_core.ActorCore`.

  Attributes:
    init: makes the state of an episode from a random key.
    select_action: `(params, observation, state) -> (action, next state)`, for
      one observation.
    get_extras: what to store in replay beside a step, from the state.
  """

  init: Callable[[types.PRNGKey], Any]
  select_action: Callable[[types.Params, types.Observation, Any], Any]
  get_extras: Callable[[Any], Any]


def make_core(policy: off_policy.Policy) -> ActorCore:
  """Makes an actor's functions from a batched policy.

  As Acme's `batched_feed_forward_to_actor_core`.

  Args:
    policy: the policy.

  Returns:
    The functions; their state is a random key, and there are no extras.
  """

  def select_action(params, observation, key):
    key, next_key = jax.random.split(key)
    batch = jax.tree_util.tree_map(lambda x: jnp.expand_dims(x, 0), observation)
    actions = policy(params, key, batch)
    action = jax.tree_util.tree_map(lambda x: jnp.squeeze(x, 0), actions)
    return action, next_key

  return ActorCore(
    init=lambda key: key,
    select_action=select_action,
    get_extras=lambda key: None,
  )


class VariableClient(Protocol):
  """Provides an actor's parameters: `variables.VariableClient`, or Acme's."""

  @property
  def params(self) -> Any:
    """The parameters."""
    ...

  def update(self, wait: bool = False) -> None:
    """Requests new ones, if it is time for it."""
    ...


class ActorState(NamedTuple):
  """The state of an actor, besides its parameters, which are the learner's.

  Attributes:
    random_key: the key from which coming episodes split theirs.
    core: the state of the actor's core in the current episode.
  """

  random_key: types.PRNGKey
  core: Any


class SaveableActor(core.Actor, core.Saveable):
  """Acts as Acme's `GenericActor`, with random keys that survive a restart."""

  def __init__(
    self,
    actor: ActorCore,
    random_key: types.PRNGKey,
    variable_client: VariableClient,
    adder: core.Adder | None = None,
  ):
    """Makes the actor, which acts on the CPU.

    Args:
      actor: the pure functions.
      random_key: the key from which episodes split theirs.
      variable_client: provides the parameters.
      adder: receives the actor's observations, if given.
    """
    self._random_key = random_key
    self._variable_client = variable_client
    self._adder = adder
    self._state: Any = None
    self._init = jax.jit(actor.init, backend='cpu')
    self._get_extras = actor.get_extras
    # For a single observation XLA takes longer to hand work to other threads
    # than to compute the policy.
    self._policy = jax.jit(
      actor.select_action,
      backend='cpu',
      compiler_options=resources.in_calling_thread(),
    )

  def select_action(self, observation: Any) -> Any:
    """Samples an action for an observation; mappings are ordered by key."""
    action, self._state = self._policy(
      self._variable_client.params, nests.canonical(observation), self._state
    )
    return jax.tree_util.tree_map(np.asarray, action)

  def observe_first(self, timestep: dm_env.TimeStep) -> None:
    """Starts an episode, with a key of its own."""
    self._random_key, key = jax.random.split(self._random_key)
    self._state = self._init(key)
    if self._adder:
      self._adder.add_first(timestep)

  def observe(self, action: Any, next_timestep: dm_env.TimeStep) -> None:
    """Hands a step on to the adder."""
    if self._adder:
      self._adder.add(
        action, next_timestep, extras=self._get_extras(self._state)
      )

  def update(self, wait: bool = False) -> None:
    """Asks for new parameters when they are due."""
    self._variable_client.update(wait)

  def save(self) -> ActorState:
    """Returns the state as NumPy arrays."""
    # None before the first episode, which will replace it.
    state = self._init(self._random_key) if self._state is None else self._state
    return jax.tree_util.tree_map(
      np.asarray, ActorState(self._random_key, state)
    )

  def restore(self, state: ActorState) -> None:
    """Resumes from a state of `save`."""
    self._random_key = jax.numpy.asarray(state.random_key)
    self._state = jax.tree_util.tree_map(jax.numpy.asarray, state.core)


class BatchedActor:
  """Acts in several environments, with one call of the policy for all.

  A call for sixteen observations takes a few times as long as for one.
  """

  def __init__(
    self,
    policy: off_policy.Policy,
    random_key: types.PRNGKey,
    variable_client: VariableClient,
    adder: adders.BatchedAdder,
  ):
    """Makes the actor, which acts on the CPU.

    Args:
      policy: the policy, for parameters as the client provides them.
      random_key: the key from which calls split theirs.
      variable_client: provides the parameters; asked once per call.
      adder: receives the environments' observations.
    """

    def select_actions(params, key, observations):
      next_key, key = jax.random.split(key)
      return policy(params, key, observations), next_key

    self._select = jax.jit(
      select_actions,
      backend='cpu',
      compiler_options=resources.in_calling_thread(),
    )
    self._key = random_key
    self._variable_client = variable_client
    self._adder = adder

  def select_actions(self, observations: Sequence[Any]) -> np.ndarray:
    """Samples an action for each environment.

    Args:
      observations: one per environment.

    Returns:
      The actions, [N, *action].
    """
    actions, self._key = self._select(
      self._variable_client.params,
      self._key,
      transitions_lib.stack([nests.canonical(x) for x in observations]),
    )
    return np.asarray(actions)

  def observe_first(self, index: int, timestep: dm_env.TimeStep) -> None:
    """Records the first time step of an episode.

    Args:
      index: of the environment.
      timestep: the time step.
    """
    self._adder.add_first(index, timestep)

  def observe(
    self, actions: np.ndarray, next_timesteps: Sequence[dm_env.TimeStep]
  ) -> None:
    """Records a step of each environment.

    Args:
      actions: the actions taken, [N, *action].
      next_timesteps: the resulting time steps.
    """
    self._adder.add(actions, next_timesteps)

  def update(self) -> None:
    """Asks for new parameters when they are due, once for all environments."""
    self._variable_client.update(wait=False)
