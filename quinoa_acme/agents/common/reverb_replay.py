"""The replay of an off-policy agent in Reverb: table, dataset and adders.

Transitions are bytes there, one column for Reverb to handle instead of five.
Reverb stores, sends and decodes each column of each item separately, at some
microseconds apiece, whatever its size; a learner takes 256 items per step. As
one vector of bytes a transition takes a quarter of the time, and saves time in
the actor that writes it. See docs/decisions/0028-replay-with-the-learner.md.

Importing this imports Reverb and TensorFlow.
"""

from collections.abc import Callable, Iterator
import json
import math
from typing import Any, cast

from acme import types as acme_types
from acme.datasets import reverb as datasets
import numpy as np
import reverb
import tensorflow as tf

from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import pace
from quinoa_acme.data import adders
from quinoa_acme.data import transitions
from quinoa_acme.environments import spec_json
from quinoa_acme.utils import common_types
from quinoa_acme.utils import nests
from quinoa_acme.utils import resources

# How many items an actor may send before Reverb confirms them.
_MAX_IN_FLIGHT_ITEMS = 5
# Part of the name of a table's signature, next to the environment's specs.
_WINDOW = 'window'
_TRANSITIONS = 'transitions'


def make_tables(
  config: off_policy.OffPolicyConfig,
  spec: common_types.EnvironmentSpec,
  builder: str,
) -> list[reverb.Table]:
  """Makes the table of transitions, with its limiter and its signature.

  Args:
    config: the agent's options.
    spec: the environment's specs.
    builder: the name of the builder that asks, for an error message.

  Returns:
    The table.

  Raises:
    ValueError: if it is for a layout that would wait for itself.
  """
  pace.check_layout(
    config.min_replay_size, config.samples_per_insert_tolerance, builder
  )
  # Reverb counts items.
  number = config.transitions_per_item
  limiter = reverb.rate_limiters.SampleToInsertRatio(
    min_size_to_sample=math.ceil(config.min_replay_size / number),
    samples_per_insert=config.samples_per_insert * number,
    error_buffer=config.error_buffer,
  )
  layout = Packing(spec, config.window, number)
  return [
    reverb.Table(
      name=config.replay_table_name,
      sampler=reverb.selectors.Uniform(),
      remover=reverb.selectors.Fifo(),
      max_size=math.ceil(config.max_replay_size / number),
      rate_limiter=limiter,
      signature=layout.signature(),
    )
  ]


def make_dataset(
  config: off_policy.OffPolicyConfig, client: reverb.Client
) -> Iterator[reverb.ReplaySample]:
  """Makes batches of num_sgd_steps_per_step * batch_size transitions.

  Args:
    config: the agent's options.
    client: client of the server with the table.

  Returns:
    Samples whose data are Acme's transitions.

  Raises:
    ValueError: if the table does not hold packed transitions.
  """
  table = client.server_info()[config.replay_table_name]
  layout = Packing.from_signature(table.signature)
  resources.hide_gpus_from_tensorflow()
  # One worker: each further one adds a thread, and batches in flight, which
  # are older when they are used.
  dataset = datasets.make_reverb_dataset(
    server_address=client.server_address,
    table=config.replay_table_name,
    batch_size=config.samples_per_step,
    prefetch_size=config.prefetch_size,
    num_parallel_calls=1,
    max_in_flight_samples_per_worker=config.batch_size,
  )
  samples = cast(Iterator[reverb.ReplaySample], dataset.as_numpy_iterator())
  rng = np.random.default_rng()
  return (layout.unpack_sample(sample, rng) for sample in samples)


def make_adder(
  config: off_policy.OffPolicyConfig, client: reverb.Client
) -> adders.ReplayAdder:
  """Makes the adder for the table's transitions.

  Args:
    config: the agent's options.
    client: client of the server with the table.

  Returns:
    The adder.
  """
  return adders.make_adder(
    PackedWriter(client, config.replay_table_name),
    config.transition_steps,
    config.window,
    config.discount,
  )


def make_batched_adder(
  config: off_policy.OffPolicyConfig,
  client: reverb.Client,
  num_environments: int,
) -> adders.BatchedAdder:
  """Makes the adder of one-step transitions or windows for N environments.

  Args:
    config: the agent's options.
    client: client of the server with the table.
    num_environments: N.

  Returns:
    The adder.
  """
  return adders.BatchedWindowAdder(
    PackedWriter(client, config.replay_table_name),
    num_environments,
    config.window,
    config.discount,
  )


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

  An `adders.ReplayAdder` makes them. An item of several holds consecutive
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


class StampingClient:
  """A Reverb client whose writers store step counts as priorities.

  It sits between an adder and its server, so it works with any agent's adder.
  """

  def __init__(self, client: reverb.Client, steps: Callable[[], float]):
    """Wraps `client`; `steps` returns the environment steps made so far."""
    self._client = client
    self._steps = steps

  def __getattr__(self, name: str) -> Any:
    return getattr(self._client, name)

  def trajectory_writer(self, *args: Any, **kwargs: Any) -> Any:
    """As the client's method."""
    writer = self._client.trajectory_writer(*args, **kwargs)
    return _StampingWriter(writer, self._steps)


class _StampingWriter:
  """A writer that stores step counts as priorities."""

  def __init__(self, writer: Any, steps: Callable[[], float]):
    self._writer = writer
    self._steps = steps

  def __getattr__(self, name: str) -> Any:
    return getattr(self._writer, name)

  def create_item(self, table: str, priority: float, trajectory: Any) -> None:
    del priority  # Uniform samplers ignore it.
    self._writer.create_item(table, float(self._steps()), trajectory)
