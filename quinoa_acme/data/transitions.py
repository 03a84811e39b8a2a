"""What a transition is made of, over one step or over several."""

from collections.abc import Sequence
from typing import Any, cast, NamedTuple

from acme import types
from dm_env import specs
import numpy as np
import tree

from quinoa_acme.utils import common_types
from quinoa_acme.utils import nests


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


class Window(types.Transition):
  """A transition over n steps; its `extras` are a `Later`.

  Wrappers of Acme's agents change samples: they normalise observations, or give
  rewards of their own. What knows of the first step alone would leave the later
  ones as they were, and with them the target; so that is refused.
  """

  __slots__ = ()

  # Final to the type checker alone, which knows of no subclasses here.
  def _replace(self, **changes: Any) -> 'Window':  # pyright: ignore[reportIncompatibleMethodOverride]
    """The window with other parts.

    Raises:
      ValueError: if it is to be changed without its later steps.
    """
    if changes and 'extras' not in changes:
      names = ', '.join(map(repr, changes))
      raise ValueError(
        f'{names} would be changed in the first step of a window, but not in '
        f'the {num_steps(self) - 1} later ones, which are in its '
        'extras. Learn from one step, by returns=OneStep(), or change the '
        'extras too.'
      )
    return cast(Window, super()._replace(**changes))


class Step(NamedTuple):
  """An action, where it was taken, and what it was paid.

  Attributes:
    observation: what was seen before.
    action: what was done.
    reward: what it was paid.
    discount: the environment's discount after it.
  """

  observation: Any
  action: Any
  reward: Any
  discount: Any


def make_window(
  steps: Sequence[Step],
  next_observation: Any,
  window: int,
  discount: np.float32,
  axis: int = 0,
) -> types.Transition:
  """Makes a transition of consecutive steps of an episode, or many of many.

  Args:
    steps: the steps, the oldest first, at most `window`; leaves [...], or
      [N, ...] of N transitions.
    next_observation: what was seen after the last.
    window: the steps n that the transition holds one by one; where there are
      fewer, the first stands in the place of what there was not.
    discount: the agent's, g.
    axis: of the later steps among a transition's leaves: 0, or 1 of N.

  Returns:
    The transition, a `Window` for an n above 1.
  """
  first, *later = steps
  if window == 1:
    return types.Transition(*first, next_observation=next_observation)
  weights, decay = [], np.float32(first.discount)
  for step in later:
    weights.append(discount * decay)
    decay = weights[-1] * np.float32(step.discount)
  missing = window - len(steps)
  later += [first] * missing
  weights += [np.zeros_like(decay)] * missing
  return Window(
    observation=first.observation,
    action=first.action,
    reward=first.reward,
    discount=decay,
    next_observation=next_observation,
    extras=Later(
      observation=stack([step.observation for step in later], axis),
      action=stack([step.action for step in later], axis),
      reward=stack([step.reward for step in later], axis),
      weight=stack(weights, axis),
    ),
  )


def stack(nests: Sequence[Any], axis: int = 0) -> Any:
  """Joins nests of arrays along a new axis of their leaves."""
  # Actors do this several times a step, and a walk through the tree that one
  # array is takes several times as long as to copy it.
  if isinstance(nests[0], np.ndarray | np.generic):
    return _stack_arrays(nests, axis)
  return tree.map_structure(lambda *leaves: _stack_arrays(leaves, axis), *nests)


def _stack_arrays(arrays: Sequence[Any], axis: int) -> np.ndarray:
  # `np.stack` takes several times as long for a few small ones.
  return np.array(arrays) if axis == 0 else np.stack(arrays, axis)


def num_steps(transition: types.Transition) -> int:
  """The steps that a transition, or each of a batch, holds one by one."""
  later = transition.extras
  return later.weight.shape[-1] + 1 if isinstance(later, Later) else 1


def make_spec(
  spec: common_types.EnvironmentSpec, window: int = 1
) -> types.Transition:
  """The specs of a transition's parts.

  Args:
    spec: the environment's.
    window: the steps n that it holds one by one; of more than one, the later
      ones are its `extras`.

  Returns:
    A transition with array specs as its leaves; a `Window` of more than one.
  """
  observations = nests.canonical_spec(spec.observations)
  first = types.Transition(
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
