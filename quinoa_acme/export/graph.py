"""A graph of ONNX's operators, before it is written to a file.

JAX broadcasts in operations of their own, and most of them only so that shapes
agree. ONNX's operators broadcast by themselves, as NumPy's do. So a value of
this graph may be smaller than JAX's: it may lack leading dimensions, and have 1
where JAX has more. It is expanded only where an operator needs that.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, NamedTuple

import numpy as np

# The name of the one dimension whose size is free.
BATCH = 'batch'
# A size, or the text of one that depends on the batch's.
Dim = int | str
Shape = tuple[Dim, ...]


class ConversionError(ValueError):
  """A function cannot be written as a graph; says why."""


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
  """An array of the graph.

  Attributes:
    name: its name in the graph.
    shape: its own; see this module's docstring.
    dtype: its dtype.
    array: what it is, if that does not depend on the inputs.
  """

  name: str
  shape: Shape
  dtype: np.dtype
  array: np.ndarray | None = None


class Node(NamedTuple):
  """An operator applied to values.

  Attributes:
    op: the operator's name in ONNX.
    inputs: names of values.
    output: the name of the result.
    attributes: numbers, texts, and lists of numbers. The dtype of a Cast is
      NumPy's name for it.
  """

  op: str
  inputs: tuple[str, ...]
  output: str
  attributes: Mapping[str, Any]


def of_jax(shape: Sequence[Any]) -> Shape:
  """A shape of JAX's, its symbolic dimensions as texts."""
  return tuple(
    int(size) if isinstance(size, int | np.integer) else str(size)
    for size in shape
  )


def is_static(shape: Shape) -> bool:
  """Whether no dimension is free."""
  return not any(isinstance(size, str) for size in shape)


def broadcast(*shapes: Shape) -> Shape:
  """The shape that NumPy's rules give."""
  rank = max(map(len, shapes))
  padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
  return tuple(
    next((size for size in sizes if size != 1), 1)
    for sizes in zip(*padded, strict=True)
  )


class Graph:
  """A graph that grows by one operator at a time.

  Attributes:
    inputs: the values that it is given.
    output: the value that it computes, once it is known.
    constants: arrays by name.
    nodes: the operators, in the order of their computation.
    inverses: for each value that is 1 / x, by name, the value x.
  """

  def __init__(self):
    """Makes an empty graph."""
    self.inputs: list[Value] = []
    self.output: Value | None = None
    self.constants: dict[str, np.ndarray] = {}
    self.nodes: list[Node] = []
    self.inverses: dict[str, Value] = {}
    self._batch: Value | None = None
    self._unnamed: dict[Any, Value] = {}
    self._computed: dict[Any, Value] = {}

  def add_input(self, name: str, shape: Shape, dtype: np.dtype) -> Value:
    """Adds an input."""
    value = Value(name, shape, dtype)
    self.inputs.append(value)
    return value

  def constant(self, array: Any, name: str | None = None) -> Value:
    """Adds a constant; without a name it gets one, as equal ones do."""
    array = np.asarray(array)
    if name is not None:
      self.constants[name] = array
      return Value(name, array.shape, array.dtype, array)
    key = (array.tobytes(), array.shape, array.dtype)
    if key not in self._unnamed:
      name = f'constant_{len(self._unnamed)}'
      self.constants[name] = array
      self._unnamed[key] = Value(name, array.shape, array.dtype, array)
    return self._unnamed[key]

  def add(
    self,
    op: str,
    inputs: Sequence[Value],
    shape: Shape,
    dtype: Any,
    **attributes: Any,
  ) -> Value:
    """Adds an operator, unless it is there, and gives its result."""
    names = tuple(value.name for value in inputs)
    key = (op, names, repr(attributes))
    if key not in self._computed:
      name = f'value_{len(self.nodes)}'
      self.nodes.append(Node(op, names, name, attributes))
      self._computed[key] = Value(name, shape, np.dtype(dtype))
    return self._computed[key]

  def elementwise(self, op: str, *inputs: Value, dtype: Any = None) -> Value:
    """Adds an operator that broadcasts; its dtype is by default the first's."""
    shape = broadcast(*(value.shape for value in inputs))
    return self.add(op, inputs, shape, dtype or inputs[0].dtype)

  def reshape(self, value: Value, shape: Shape) -> Value:
    """Reshapes a value as it is.

    Raises:
      ConversionError: if more than one dimension is free.
    """
    if value.shape == shape:
      return value
    if value.array is not None and is_static(shape):
      sizes = [size for size in shape if isinstance(size, int)]
      return self.constant(np.reshape(value.array, sizes))
    if sum(isinstance(size, str) for size in shape) > 1:
      raise ConversionError(f'it reshapes to {shape}, with two free sizes')
    sizes = [-1 if isinstance(size, str) else size for size in shape]
    target = self.constant(np.array(sizes, np.int64))
    return self.add('Reshape', [value, target], shape, value.dtype)

  def expand(self, value: Value, shape: Shape) -> Value:
    """Gives a value the shape that JAX has for it.

    Raises:
      ConversionError: if a dimension depends on the batch's otherwise than
        being it.
    """
    if value.shape == shape:
      return value
    own = (1,) * (len(shape) - len(value.shape)) + value.shape
    if own == shape:
      return self.reshape(value, shape)
    if value.array is not None and is_static(shape):
      full = np.broadcast_to(value.array, [int(size) for size in shape])
      return self.constant(full)
    # 1 leaves a dimension as it is.
    sizes = [1 if a == b else b for a, b in zip(own, shape, strict=True)]
    if wrong := [x for x in sizes if isinstance(x, str) and x != BATCH]:
      raise ConversionError(f'it has an array of the size {wrong[0]}')
    if BATCH not in sizes:
      target = self.constant(np.array(sizes, np.int64))
    else:
      parts = [
        self._batch_size()
        if size == BATCH
        else self.constant(np.array([size], np.int64))
        for size in sizes
      ]
      target = self.add('Concat', parts, (len(sizes),), np.int64, axis=0)
    return self.add('Expand', [value, target], shape, value.dtype)

  def finish(self, value: Value, name: str) -> None:
    """Makes a value the output, and drops what it does not need.

    Args:
      value: the value.
      name: the output's name.
    """
    self.output = Value(name, value.shape, value.dtype)
    self.nodes.append(Node('Identity', (value.name,), name, {}))
    needed = {name}
    kept = []
    for node in reversed(self.nodes):
      if node.output in needed:
        needed.update(node.inputs)
        kept.append(node)
    self.nodes = kept[::-1]
    self.constants = {k: x for k, x in self.constants.items() if k in needed}

  def _batch_size(self) -> Value:
    """The size of the batch, int64 [1]."""
    if self._batch is None:
      first = next(value for value in self.inputs if BATCH in value.shape)
      shape = self.add('Shape', [first], (len(first.shape),), np.int64)
      index = self.constant(np.array([first.shape.index(BATCH)], np.int64))
      self._batch = self.add('Gather', [shape, index], (1,), np.int64, axis=0)
    return self._batch
