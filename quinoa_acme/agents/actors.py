"""The actor of all agents: Acme's, whose random state can be saved."""

from typing import Any, NamedTuple

from acme import adders
from acme import core
from acme.agents.jax import actor_core
from acme.agents.jax import actors
from acme.jax import networks as networks_lib
from acme.jax import variable_utils
import jax
import numpy as np

from quinoa_acme import resources


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
    adder: adders.Adder | None = None,
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
