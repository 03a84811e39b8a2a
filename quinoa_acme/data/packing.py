"""Transitions as bytes: one column for Reverb to handle instead of five.

Reverb stores, sends and decodes each column of each item separately, at some
microseconds apiece, whatever its size; a learner takes 256 items per step. As
one vector of bytes a transition takes a quarter of the time, and saves time in
the actor that writes it. See docs/decisions/0028-replay-with-the-learner.md.
"""

import json
from typing import Any, cast

from acme import types as acme_types
import numpy as np
import reverb
import tensorflow as tf

from quinoa_acme.data import transitions
from quinoa_acme.environments import spec_json
from quinoa_acme.utils import common_types
from quinoa_acme.utils import nests

# How many items an actor may send before Reverb confirms them.
_MAX_IN_FLIGHT_ITEMS = 5
# Part of the name of a table's signature, next to the environment's specs.
_WINDOW = 'window'
_TRANSITIONS = 'transitions'


class AcmeWindow(transitions.WindowMixin, acme_types.Transition):
  """A `transitions.Window` that is one of Acme's transitions."""

  __slots__ = ()


class Packing:
  """The position of each part of a transition in a vector of bytes.

  Attributes:
    num_bytes: size of a transition.
    transitions_per_item: number of transitions in an item of the table.
  """

  def __init__(
    self,
    spec: common_types.EnvironmentSpec,
    window: int = 1,
    transitions_per_item: int = 1,
  ):
    """Lays out the transitions of an environment.

    Args:
      spec: the environment's specs; parts keep their dtypes.
      window: number of steps that a transition holds one by one.
      transitions_per_item: number of transitions in an item of the table.

    Raises:
      ValueError: if a part is not a nest of numeric arrays.
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
      signature: the result of `signature`, possibly fetched from a server.

    Returns:
      The layout.

    Raises:
      ValueError: if the table does not hold packed transitions.
    """
    layout = getattr(signature, 'name', None)
    if layout is None or signature.dtype != tf.uint8:
      raise ValueError(
        'the replay table does not hold packed transitions, but '
        f'{signature!r}. A checkpoint of an earlier version cannot be read: '
        'start with another workdir, or without the replay.'
      )
    plain = json.loads(layout)
    window = plain.pop(_WINDOW, 1)
    transitions_per_item = plain.pop(_TRANSITIONS, 1)
    return cls(spec_json.from_plain(plain), window, transitions_per_item)

  def signature(self) -> tf.TensorSpec:
    """The table's signature; its name describes the layout of the bytes."""
    shape = (self.transitions_per_item, self.num_bytes)
    return tf.TensorSpec(
      shape if self.transitions_per_item > 1 else shape[1:],
      tf.uint8,
      name=self._plain,
    )

  def pack(self, transition: common_types.Transition) -> np.ndarray:
    """Packs one transition into bytes.

    Args:
      transition: its leaves without a batch dimension. Numbers are cast as
        `nests.Leaf` does: a policy gives float32, whatever dtype the
        environment takes.

    Returns:
      uint8 [num_bytes].

    Raises:
      ValueError: if it has other parts than specified, or a part of another
        shape or kind.
    """
    parts = [array.tobytes() for array in self._nest.flatten(transition)]
    return np.frombuffer(b''.join(parts), np.uint8)

  def pack_batch(self, transitions: common_types.Transition) -> np.ndarray:
    """Packs N transitions into bytes.

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

  def unpack(self, packed: np.ndarray) -> acme_types.Transition:
    """Unpacks a batch of transitions.

    Args:
      packed: the bytes, uint8 [N, num_bytes].

    Returns:
      Acme's transitions with leaves [N, ...], in the dtypes of the specs;
      sequences in observations are tuples.
    """
    leaves, begin = [], 0
    for leaf, end in zip(self._leaves, self._ends, strict=True):
      column = np.ascontiguousarray(packed[:, begin:end])
      leaves.append(column.view(leaf.dtype).reshape(len(packed), *leaf.shape))
      begin = end
    unpacked = self._nest.unflatten(leaves)
    if isinstance(unpacked, transitions.Window):
      return AcmeWindow(*unpacked)
    return acme_types.Transition(*unpacked)

  def unpack_sample(
    self, sample: reverb.ReplaySample, rng: np.random.Generator
  ) -> reverb.ReplaySample:
    """Turns a sample of bytes into a sample of transitions.

    From each item it takes one transition, uniformly at random. If items are
    sampled uniformly, so are transitions.

    Args:
      sample: its data are uint8 [N, num_bytes], or [N, transitions_per_item,
        num_bytes] for items of more than one.
      rng: chooses the transitions.

    Returns:
      N transitions, with probability and table size counted in transitions.
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

  A `replay.ReplayAdder` makes them. An item of several holds consecutive
  transitions, possibly from different episodes.
  """

  def __init__(self, client: reverb.Client, table: str):
    """Waits for the server, then makes the writer.

    Args:
      client: client of the server.
      table: name of the table.

    Raises:
      ValueError: if the table does not hold packed transitions.
    """
    self._table = table
    self._packing = Packing.from_signature(
      client.server_info()[table].signature
    )
    self._writer = client.trajectory_writer(num_keep_alive_refs=1)
    # The rows of an incomplete item.
    self._waiting = np.empty((0, self._packing.num_bytes), np.uint8)

  def insert(self, transition: common_types.Transition) -> None:
    """Inserts a transition; blocks while the table's limiter requires it.

    Args:
      transition: its leaves without a batch dimension.

    Raises:
      ValueError: if it does not match the table's layout.
    """
    packed = self._packing.pack(transition)
    if self._packing.transitions_per_item == 1:
      self._send(packed)
    else:
      self._add(packed[None])

  def insert_batch(self, transitions: common_types.Transition) -> None:
    """Inserts transitions; blocks while the table's limiter requires it.

    Args:
      transitions: their leaves, [N, ...].

    Raises:
      ValueError: if they do not match the table's layout.
    """
    self._add(self._packing.pack_batch(transitions))

  def _add(self, rows: np.ndarray) -> None:
    """Adds packed transitions, [N, num_bytes], and sends complete items."""
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
    """Waits until all complete items are in the table.

    Without it, items in flight are lost when the writer is deleted: Reverb's
    writers do not wait for them when they close.
    """
    self._writer.flush()
