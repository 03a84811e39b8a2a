"""The actors of all agents: for one environment, or several at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from acme import adders as adders_lib
from acme import core
from acme.agents.jax import actor_core
from acme.agents.jax import actors
from acme.jax import networks as networks_lib
from acme.jax import variable_utils
import dm_env
import jax
import numpy as np

from quinoa_acme.agents.common import off_policy
from quinoa_acme.data import batched_adders
from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import nests
from quinoa_acme.utils import resources


class ActorState(NamedTuple):
  """The state of an actor, besides its parameters, which are the learner's.

  Attributes:
    random_key: the key from which coming episodes split theirs.
    core: the state of the actor's core in the current episode.
  """

  random_key: networks_lib.PRNGKey
  core: Any


class SaveableActor(actors.GenericActor, core.Saveable):
  """Acme's `GenericActor`, with random keys that survive a restart."""

  def __init__(
    self,
    actor: actor_core.ActorCore,
    random_key: networks_lib.PRNGKey,
    variable_client: variable_utils.VariableClient,
    adder: adders_lib.Adder | None = None,
  ):
    """Makes the actor, which acts on the CPU.

    Args:
      actor: the pure functions.
      random_key: the key from which episodes split theirs.
      variable_client: provides the parameters.
      adder: receives the actor's observations, if given.
    """
    super().__init__(actor, random_key, variable_client, adder, backend='cpu')
    # For a single observation XLA takes longer to hand work to other threads
    # than to compute the policy.
    self._policy = jax.jit(
      actor.select_action,
      backend='cpu',
      compiler_options=dict(resources.IN_CALLING_THREAD),
    )

  def select_action(self, observation: Any) -> Any:
    """Samples an action for an observation; mappings are ordered by key."""
    return super().select_action(nests.canonical(observation))

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
    random_key: networks_lib.PRNGKey,
    variable_client: variable_utils.VariableClient,
    adder: batched_adders.BatchedAdder,
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
      compiler_options=dict(resources.IN_CALLING_THREAD),
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
