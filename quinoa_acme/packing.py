"""Transitions as bytes: one column for Reverb to look after, not five.

Reverb keeps, sends and decodes each column of each item on its own, at some
microseconds apiece, whatever their size; a learner takes 256 items a step. As
one vector of bytes a transition takes a quarter of the time, and less in the
actor that writes it. See docs/decisions/0023-packed-transitions.md.
"""

from collections.abc import Callable
import json
from typing import Any, cast

from acme import types
from acme.adders import reverb as adders_reverb
import dm_env
import numpy as np
import reverb
import tensorflow as tf
import tree

from quinoa_acme import common_types
from quinoa_acme import spec_json

# Items that an actor may have sent that Reverb has not confirmed.
_MAX_IN_FLIGHT_ITEMS = 5


class Packing:
  """Where the parts of a transition lie in a vector of bytes."""

  def __init__(self, spec: common_types.EnvironmentSpec):
    """Lays out the transitions of an environment.

    Args:
      spec: the environment's specs; parts are kept in their dtypes.

    Raises:
      ValueError: if a part is neither an array of numbers nor a nest of such.
    """
    self._plain = json.dumps(spec_json.to_plain(spec))
    self._example = types.Transition(
      observation=spec.observations,
      action=spec.actions,
      reward=spec.rewards,
      discount=spec.discounts,
      next_observation=spec.observations,
    )
    sizes = [
      leaf.dtype.itemsize * int(np.prod(leaf.shape))
      for leaf in tree.flatten(self._example)
    ]
    self._ends = np.cumsum(sizes).tolist()
    # What a transition takes.
    self.num_bytes: int = self._ends[-1]

  @classmethod
  def from_signature(cls, signature: Any) -> 'Packing':
    """The layout of a table's transitions.

    Args:
      signature: what `signature` gave, perhaps by way of a server.

    Returns:
      The layout.

    Raises:
      ValueError: if the table is not of packed transitions.
    """
    layout = getattr(signature, 'name', None)
    if layout is None or signature.dtype != tf.uint8:
      raise ValueError(
        'the replay table is not of packed transitions, but of '
        f'{signature!r}. A checkpoint of an earlier version cannot be read: '
        'start with another workdir, or without the replay.'
      )
    return cls(spec_json.from_plain(json.loads(layout)))

  def signature(self) -> tf.TensorSpec:
    """The table's signature, whose name says what the bytes are."""
    return tf.TensorSpec((self.num_bytes,), tf.uint8, name=self._plain)

  def pack_part(self, name: str, value: types.NestedArray) -> bytes:
    """The bytes of one part of a transition.

    Args:
      name: a field of `acme.types.Transition`.
      value: what the field is to hold. Numbers are cast within their kind.

    Returns:
      The bytes.

    Raises:
      ValueError: if it is of another structure, shape or kind than specified.
    """
    spec = getattr(self._example, name)
    if not tree.is_nested(spec):
      return _to_bytes(name, spec, value)
    tree.assert_same_structure(spec, value, check_types=False)
    return b''.join(
      _to_bytes(name, leaf, part)
      for leaf, part in zip(
        tree.flatten(spec), tree.flatten(value), strict=True
      )
    )

  def unpack(self, packed: np.ndarray) -> types.Transition:
    """The transitions of a batch.

    Args:
      packed: the bytes, uint8 [N, num_bytes].

    Returns:
      Transitions with leaves [N, ...], in the dtypes of the specs; sequences in
      observations are tuples.
    """
    leaves, begin = [], 0
    for leaf, end in zip(tree.flatten(self._example), self._ends, strict=True):
      column = np.ascontiguousarray(packed[:, begin:end])
      leaves.append(column.view(leaf.dtype).reshape(len(packed), *leaf.shape))
      begin = end
    return cast(types.Transition, tree.unflatten_as(self._example, leaves))

  def unpack_sample(self, sample: reverb.ReplaySample) -> reverb.ReplaySample:
    """A sample of the dataset, with transitions in the place of bytes."""
    return reverb.ReplaySample(
      sample.info, self.unpack(cast(np.ndarray, sample.data))
    )


def _to_bytes(name: str, spec: Any, value: Any) -> bytes:
  array = np.asarray(value)
  if array.shape != spec.shape or not np.can_cast(
    array.dtype, spec.dtype, 'same_kind'
  ):
    raise ValueError(
      f'the {name} should be {spec.dtype.name} {list(spec.shape)}, as the '
      f"environment's spec says, but is {array.dtype.name} "
      f'{list(array.shape)}. Mend the environment or its spec.'
    )
  return array.astype(spec.dtype, copy=False).tobytes()


class TransitionAdder(adders_reverb.ReverbAdder):
  """Adds one-step transitions, packed, to a table.

  What is added is what Acme's `NStepTransitionAdder` adds with n = 1.
  """

  def __init__(self, client: reverb.Client, table: str):
    """Makes the adder.

    Args:
      client: of the server.
      table: the name of the table.

    Raises:
      ValueError: if the table is not of packed transitions.
    """
    super().__init__(
      client,
      max_sequence_length=1,
      max_in_flight_items=_MAX_IN_FLIGHT_ITEMS,
      priority_fns={table: None},
    )
    self._table = table
    self._packing = Packing.from_signature(
      client.server_info()[table].signature
    )
    self._observation = b''

  def add_first(self, timestep: dm_env.TimeStep) -> None:
    """Takes the first observation of an episode.

    Raises:
      ValueError: if the time step is not a first one.
    """
    if not timestep.first():
      raise ValueError(
        'add_first needs the first time step of an episode, but got one of '
        f'type {timestep.step_type!r}.'
      )
    self._observation = self._pack('observation', timestep.observation)
    self._add_first_called = True

  def add(
    self,
    action: types.NestedArray,
    next_timestep: dm_env.TimeStep,
    extras: types.NestedArray | None = (),
  ) -> None:
    """Adds the transition to the next time step.

    Args:
      action: the action taken.
      next_timestep: what came of it.
      extras: none; there is no place for them in the table.

    Raises:
      ValueError: if no episode was begun, or there are extras.
    """
    if not self._add_first_called:
      raise ValueError('call add_first before add: no episode was begun.')
    if extras is not None and tree.flatten(extras):
      raise ValueError(f'the table has no place for extras: {extras!r}.')
    next_observation = self._pack('observation', next_timestep.observation)
    transition = b''.join(
      (
        self._observation,
        self._pack('action', action),
        self._pack('reward', next_timestep.reward),
        self._pack('discount', next_timestep.discount),
        next_observation,
      )
    )
    self._observation = next_observation
    self._writer.append(np.frombuffer(transition, np.uint8))
    self._write()
    if next_timestep.last():
      self.reset()

  @property
  def _pack(self) -> Callable[[str, Any], bytes]:
    return self._packing.pack_part

  def _write(self) -> None:
    history = cast(Any, self._writer.history)
    self._writer.create_item(self._table, 1.0, history[-1])
    self._writer.flush(self._max_in_flight_items)

  def _write_last(self) -> None:
    """Nothing is left to write: each transition is written as it is added."""
