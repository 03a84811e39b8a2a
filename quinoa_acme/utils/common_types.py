"""Types for the arguments of the pure functions.

Acme has all of them. But Acme imports Launchpad, and its JAX parts import
Reverb and TensorFlow, which only its own agents and distributed runs need.
"""

from typing import Any, NamedTuple, Protocol

import jax

# An array, or a nest of arrays.
Params = Any
Observation = Any
NestedArray = Any
PRNGKey = jax.Array


class Transition(NamedTuple):
  """A step of an environment, or several at once; as `acme.types.Transition`.

  Attributes:
    observation: the observation before it.
    action: the action taken.
    reward: the reward for it.
    discount: the discount after it.
    next_observation: the observation after it.
    extras: what else belongs to it.
  """

  observation: NestedArray
  action: NestedArray
  reward: NestedArray
  discount: NestedArray
  next_observation: NestedArray
  extras: NestedArray = ()


class EnvironmentSpec(Protocol):
  """The interface of an environment, as in `acme.specs.EnvironmentSpec`.

  Each part is one of dm_env's array specs, or a nest of them.
  """

  @property
  def observations(self) -> Any:
    """The agent's observations."""
    ...

  @property
  def actions(self) -> Any:
    """The agent's actions."""
    ...

  @property
  def rewards(self) -> Any:
    """The rewards."""
    ...

  @property
  def discounts(self) -> Any:
    """The discounts."""
    ...
