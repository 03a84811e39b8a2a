"""What a transition is made of, over one step or over several."""

from typing import Any, NamedTuple

from acme import types
from dm_env import specs
import numpy as np
import tree

from quinoa_acme import common_types


class Later(NamedTuple):
  """The steps 1 to n - 1 of a window of n, which is the transition's `extras`.

  Where the episode ended before, weights are zero, and the first step stands in
  the place of what there was not.

  Attributes:
    observation: the states s_k, leaves [n - 1, ...].
    action: what was done there, a_k, [n - 1, *action].
    reward: r_k, [n - 1].
    weight: g^k d_0 ... d_(k-1), float32 [n - 1], with the agent's discount g
      and the environment's d.
  """

  observation: Any
  action: Any
  reward: Any
  weight: Any


def make_spec(
  spec: common_types.EnvironmentSpec, window: int = 1
) -> types.Transition:
  """The specs of a transition's parts.

  Args:
    spec: the environment's.
    window: the steps n that it holds one by one; of more than one, the later
      ones are its `extras`.

  Returns:
    A transition with array specs as its leaves.
  """
  extras: Any = ()
  if window > 1:

    def later(leaf: specs.Array) -> specs.Array:
      return specs.Array((window - 1, *leaf.shape), leaf.dtype, leaf.name)

    extras = Later(
      observation=tree.map_structure(later, spec.observations),
      action=tree.map_structure(later, spec.actions),
      reward=later(spec.rewards),
      weight=specs.Array((window - 1,), np.float32, 'weight'),
    )
  return types.Transition(
    observation=spec.observations,
    action=spec.actions,
    reward=spec.rewards,
    discount=spec.discounts,
    next_observation=spec.observations,
    extras=extras,
  )
