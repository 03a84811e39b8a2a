"""The specs of an environment, as in `acme.specs`."""

from typing import Any, NamedTuple

import dm_env
from dm_env import specs

Array = specs.Array
BoundedArray = specs.BoundedArray
DiscreteArray = specs.DiscreteArray


class EnvironmentSpec(NamedTuple):
  """What an environment and its agent exchange.

  Attributes:
    observations: the agent's observations, an array spec or a nest of them.
    actions: the agent's actions.
    rewards: the rewards.
    discounts: the discounts.
  """

  observations: Any
  actions: Any
  rewards: Any
  discounts: Any


def make_environment_spec(environment: dm_env.Environment) -> EnvironmentSpec:
  """Collects the specs of an environment."""
  return EnvironmentSpec(
    observations=environment.observation_spec(),
    actions=environment.action_spec(),
    rewards=environment.reward_spec(),
    discounts=environment.discount_spec(),
  )
