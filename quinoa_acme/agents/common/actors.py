"""The actors of all agents: of one environment, and of several at once."""

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
  """What an actor has beside its parameters, which are the learner's.

  Attributes:
    random_key: what the keys of the coming episodes are split from.
    core: the state of the actor's core in the episode under way.
  """

  random_key: networks_lib.PRNGKey
  core: Any


class SaveableActor(actors.GenericActor, core.Saveable):
  """Acme's `GenericActor`, which goes on with the keys that it had."""

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
      random_key: what the keys of episodes are split from.
      variable_client: gives the parameters.
      adder: takes what the actor sees, if given.
    """
    super().__init__(actor, random_key, variable_client, adder, backend='cpu')
    # For a single observation XLA takes longer to hand parts of the policy to
    # other threads than to compute them.
    self._policy = jax.jit(
      actor.select_action,
      backend='cpu',
      compiler_options=dict(resources.IN_CALLING_THREAD),
    )

  def select_action(self, observation: Any) -> Any:
    """Samples an action for an observation, whose mappings go by key."""
    return super().select_action(nests.canonical(observation))

  def save(self) -> ActorState:
    """Returns the state as NumPy arrays."""
    # Before the first episode there is none; the first will replace it.
    state = self._init(self._random_key) if self._state is None else self._state
    return jax.tree_util.tree_map(
      np.asarray, ActorState(self._random_key, state)
    )

  def restore(self, state: ActorState) -> None:
    """Goes on from what `save` gave."""
    self._random_key = jax.numpy.asarray(state.random_key)
    self._state = jax.tree_util.tree_map(jax.numpy.asarray, state.core)


class BatchedActor:
  """Acts in several environments, with one call of the policy for all.

  For sixteen observations a call takes a few times as long as for one.
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
      policy: the policy, of parameters as the client gives them.
      random_key: what the keys of the calls are split from.
      variable_client: gives the parameters; asked once a call.
      adder: takes what is seen in the environments.
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
      observations: of the environments, one each.

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
    """Takes the first time step of an episode.

    Args:
      index: of the environment.
      timestep: what it gave.
    """
    self._adder.add_first(index, timestep)

  def observe(
    self, actions: np.ndarray, next_timesteps: Sequence[dm_env.TimeStep]
  ) -> None:
    """Takes a step in each environment.

    Args:
      actions: what was done, [N, *action].
      next_timesteps: what came of it.
    """
    self._adder.add(actions, next_timesteps)

  def update(self) -> None:
    """Asks for new parameters when it is time to; once for all environments."""
    self._variable_client.update(wait=False)
