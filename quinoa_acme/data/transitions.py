"""The parts of a transition, over one step or several."""

from collections.abc import Sequence
from typing import Any, cast, NamedTuple

from dm_env import specs
import numpy as np
import tree

from quinoa_acme.utils import common_types
from quinoa_acme.utils import nests


class Later(NamedTuple):
  """Steps 1 to n - 1 of a window of n: the transition's `extras`.

  If the episode ended earlier, the missing steps have weight zero and repeat
  the first step.

  Attributes:
    observation: the states s_k, leaves [n - 1, ...].
    action: the actions taken there, a_k, [n - 1, *action].
    reward: r_k, [n - 1].
    weight: g^k d_0 ... d_(k-1), float32 [n - 1], with the agent's discount g
      and the environment's d.
  """

  observation: Any
  action: Any
  reward: Any
  weight: Any


class WindowMixin:
  """Methods of a transition over n steps, for either class of transitions.

  Wrappers of Acme's agents change samples: they normalise observations, or
  replace rewards. A wrapper that changes only the first step would leave the
  later ones, and so the target, unchanged. `_replace` refuses that.
  """

  __slots__ = ()

  def _replace(self, **changes: Any) -> Any:
    """The window with other parts.

    Raises:
      ValueError: if the change leaves out the later steps.
    """
    if changes and 'extras' not in changes:
      names = ', '.join(map(repr, changes))
      raise ValueError(
        f'{names} would be changed in the first step of a window, but not in '
        f'the {num_steps(cast(Any, self)) - 1} later ones, which are in its '
        'extras. Learn from one step, by returns=OneStep(), or change the '
        'extras too.'
      )
    return cast(Any, super())._replace(**changes)


class Window(WindowMixin, common_types.Transition):
  """A transition over n steps; its `extras` are a `Later`."""

  __slots__ = ()


def stack(nests: Sequence[Any], axis: int = 0) -> Any:
  """Joins nests of arrays along a new axis of their leaves."""
  # Actors do this several times per step, and for a single array the tree walk
  # takes several times as long as the copy.
  if isinstance(nests[0], np.ndarray | np.generic):
    return _stack_arrays(nests, axis)
  return tree.map_structure(lambda *leaves: _stack_arrays(leaves, axis), *nests)


def _stack_arrays(arrays: Sequence[Any], axis: int) -> np.ndarray:
  # `np.stack` takes several times as long for a few small ones.
  return np.array(arrays) if axis == 0 else np.stack(arrays, axis)


def num_steps(transition: common_types.Transition) -> int:
  """The number of steps that each transition holds one by one."""
  later = transition.extras
  return later.weight.shape[-1] + 1 if isinstance(later, Later) else 1


def make_spec(
  spec: common_types.EnvironmentSpec, window: int = 1
) -> common_types.Transition:
  """The specs of a transition's parts.

  Args:
    spec: the environment's specs.
    window: the number of steps n that it holds; if above 1, the later ones are
      its `extras`.

  Returns:
    A transition with array specs as its leaves; a `Window` if n is above 1.
  """
  observations = nests.canonical_spec(spec.observations)
  first = common_types.Transition(
    observation=observations,
    action=spec.actions,
    reward=spec.rewards,
    discount=spec.discounts,
    next_observation=observations,
  )
  if window == 1:
    return first

  def later(leaf: specs.Array) -> specs.Array:
    return specs.Array((window - 1, *leaf.shape), leaf.dtype, leaf.name)

  return Window(
    *first[:-1],
    extras=Later(
      observation=tree.map_structure(later, observations),
      action=tree.map_structure(later, spec.actions),
      reward=later(spec.rewards),
      weight=specs.Array((window - 1,), np.float32, 'weight'),
    ),
  )
