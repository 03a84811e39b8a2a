"""Transitions as bytes: one column for Reverb to look after, not five.

Reverb keeps, sends and decodes each column of each item on its own, at some
microseconds apiece, whatever their size; a learner takes 256 items a step. As
one vector of bytes a transition takes a quarter of the time, and less in the
actor that writes it. See docs/decisions/0028-replay-with-the-learner.md.
"""

import json
from typing import Any, cast

from acme import types
import numpy as np
import reverb
import tensorflow as tf

from quinoa_acme.data import transitions
from quinoa_acme.environments import spec_json
from quinoa_acme.utils import common_types
from quinoa_acme.utils import nests

# Items that an actor may have sent that Reverb has not confirmed.
_MAX_IN_FLIGHT_ITEMS = 5
# In the name of a table's signature, beside the environment's specs.
_WINDOW = 'window'
_TRANSITIONS = 'transitions'


class Packing:
  """Where the parts of a transition lie in a vector of bytes.

  Attributes:
    num_bytes: what a transition takes.
    transitions_per_item: the transitions that an item of the table holds.
  """

  def __init__(
    self,
    spec: common_types.EnvironmentSpec,
    window: int = 1,
    transitions_per_item: int = 1,
  ):
    """Lays out the transitions of an environment.

    Args:
      spec: the environment's specs; parts are kept in their dtypes.
      window: the steps that a transition holds one by one.
      transitions_per_item: the transitions that an item of the table holds.

    Raises:
      ValueError: if a part is neither an array of numbers nor a nest of such.
    """
    plain = spec_json.to_plain(spec)
    numbers = {_WINDOW: window, _TRANSITIONS: transitions_per_item}
    self._plain = json.dumps(
      plain | {name: number for name, number in numbers.items() if number > 1}
    )
    self.transitions_per_item = transitions_per_item
    self._nest = nests.Nest(transitions.make_spec(spec, window))
    self._leaves = self._nest.leaves
    self._ends = np.cumsum([leaf.num_bytes for leaf in self._leaves]).tolist()
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
    plain = json.loads(layout)
    window = plain.pop(_WINDOW, 1)
    transitions_per_item = plain.pop(_TRANSITIONS, 1)
    return cls(spec_json.from_plain(plain), window, transitions_per_item)

  def signature(self) -> tf.TensorSpec:
    """The table's signature, whose name says what the bytes are."""
    shape = (self.transitions_per_item, self.num_bytes)
    return tf.TensorSpec(
      shape if self.transitions_per_item > 1 else shape[1:],
      tf.uint8,
      name=self._plain,
    )

  def pack(self, transition: types.Transition) -> np.ndarray:
    """The bytes of a transition.

    Args:
      transition: its leaves without a batch dimension. Numbers are cast as
        `nests.Leaf` does: a policy gives float32, whatever the environment
        takes.

    Returns:
      uint8 [num_bytes].

    Raises:
      ValueError: if it has other parts than specified, or one of another shape
        or kind.
    """
    parts = [array.tobytes() for array in self._nest.flatten(transition)]
    return np.frombuffer(b''.join(parts), np.uint8)

  def pack_batch(self, transitions: types.Transition) -> np.ndarray:
    """The bytes of N transitions.

    Args:
      transitions: their leaves, [N, ...]; as for `pack`.

    Returns:
      uint8 [N, num_bytes].

    Raises:
      ValueError: as `pack`.
    """
    number = len(transitions.discount)
    columns = [
      np.ascontiguousarray(array).view(np.uint8).reshape(number, -1)
      for array in self._nest.flatten(transitions, (number,))
    ]
    return np.concatenate(columns, axis=1)

  def unpack(self, packed: np.ndarray) -> types.Transition:
    """The transitions of a batch.

    Args:
      packed: the bytes, uint8 [N, num_bytes].

    Returns:
      Transitions with leaves [N, ...], in the dtypes of the specs; sequences in
      observations are tuples.
    """
    leaves, begin = [], 0
    for leaf, end in zip(self._leaves, self._ends, strict=True):
      column = np.ascontiguousarray(packed[:, begin:end])
      leaves.append(column.view(leaf.dtype).reshape(len(packed), *leaf.shape))
      begin = end
    return self._nest.unflatten(leaves)

  def unpack_sample(
    self, sample: reverb.ReplaySample, rng: np.random.Generator
  ) -> reverb.ReplaySample:
    """A sample of the dataset, with transitions in the place of bytes.

    Of each item one transition is taken, any with the same probability: where
    items are sampled uniformly, so are transitions.

    Args:
      sample: its data uint8 [N, num_bytes], or [N, transitions_per_item,
        num_bytes] of more than one.
      rng: chooses the transitions.

    Returns:
      N transitions; probability and size of the table are told of them.
    """
    packed = cast(np.ndarray, sample.data)
    number = self.transitions_per_item
    if number == 1:
      return reverb.ReplaySample(sample.info, self.unpack(packed))
    chosen = rng.integers(number, size=len(packed))
    info = cast(Any, sample.info)._replace(
      probability=np.asarray(sample.info.probability) / number,
      table_size=np.asarray(sample.info.table_size) * number,
    )
    return reverb.ReplaySample(
      info, self.unpack(packed[np.arange(len(packed)), chosen])
    )


class PackedWriter:
  """Inserts transitions into one table, as soon as they fill an item.

  `replay.ReplayAdder` makes them of what an actor sees. An item of several
  holds those that came one after the other, of whatever episodes.
  """

  def __init__(self, client: reverb.Client, table: str):
    """Waits for the server, and makes the writer.

    Args:
      client: of the server.
      table: the name of the table.

    Raises:
      ValueError: if the table is not of packed transitions.
    """
    self._table = table
    self._packing = Packing.from_signature(
      client.server_info()[table].signature
    )
    self._writer = client.trajectory_writer(num_keep_alive_refs=1)
    # The rows of an item that is not yet full.
    self._waiting = np.empty((0, self._packing.num_bytes), np.uint8)

  def insert(self, transition: types.Transition) -> None:
    """Takes a transition; blocks while the table's limiter holds it back.

    Args:
      transition: its leaves without a batch dimension.

    Raises:
      ValueError: if it is not of the table's layout.
    """
    packed = self._packing.pack(transition)
    if self._packing.transitions_per_item == 1:
      self._send(packed)
    else:
      self._add(packed[None])

  def insert_batch(self, transitions: types.Transition) -> None:
    """Takes transitions; blocks while the table's limiter holds them back.

    Args:
      transitions: their leaves, [N, ...].

    Raises:
      ValueError: if they are not of the table's layout.
    """
    self._add(self._packing.pack_batch(transitions))

  def _add(self, rows: np.ndarray) -> None:
    """Takes packed transitions, [N, num_bytes], and sends what is full."""
    number = self._packing.transitions_per_item
    if len(self._waiting):
      rows = np.concatenate([self._waiting, rows])
    num_sent = len(rows) - len(rows) % number
    for begin in range(0, num_sent, number):
      item = rows[begin : begin + number]
      self._send(item if number > 1 else item[0])
    self._waiting = rows[num_sent:]

  def _send(self, item: np.ndarray) -> None:
    self._writer.append(item)
    history = cast(Any, self._writer.history)
    self._writer.create_item(self._table, 1.0, history[-1])
    self._writer.flush(_MAX_IN_FLIGHT_ITEMS)

  def flush(self) -> None:
    """Waits until all full items are in the table.

    What is on its way when the writer goes is lost: Reverb's writers close
    without it.
    """
    self._writer.flush()
