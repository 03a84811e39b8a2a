"""What each of JAX's primitives is in ONNX's operators.

A rule takes the graph, the equation and the values of its inputs, and gives the
value of its output, or a list of them.
"""

from collections.abc import Callable, Sequence
import math
import string
from typing import Any

import numpy as np

from quinoa_acme.export import graph as graph_lib
from quinoa_acme.export.graph import ConversionError
from quinoa_acme.export.graph import Graph
from quinoa_acme.export.graph import Shape
from quinoa_acme.export.graph import Value

Rule = Callable[[Graph, Any, list[Value]], Value | list[Value]]


def shape_of(variable: Any) -> Shape:
  """The shape that JAX has for a variable."""
  return graph_lib.of_jax(variable.aval.shape)


def dtype_of(variable: Any) -> np.dtype:
  """The dtype that JAX has for a variable."""
  return np.dtype(variable.aval.dtype)


def _like(value: Value, number: float, graph: Graph) -> Value:
  return graph.constant(np.asarray(number, value.dtype))


def _simple(op: str) -> Rule:
  return lambda graph, eqn, inputs: graph.elementwise(op, *inputs)


def _comparison(op: str) -> Rule:
  return lambda graph, eqn, inputs: graph.elementwise(op, *inputs, dtype=bool)


def _logical(op: str) -> Rule:
  def rule(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
    if any(value.dtype.kind != 'b' for value in inputs):
      raise ConversionError(f'it computes {eqn.primitive.name} of bits')
    return graph.elementwise(op, *inputs)

  return rule


def _identity(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
  del graph, eqn
  return inputs


def _square(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  del eqn
  return graph.elementwise('Mul', inputs[0], inputs[0])


def _integer_pow(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  [x] = inputs
  if eqn.params['y'] == 2:
    return graph.elementwise('Mul', x, x)
  return graph.elementwise('Pow', x, _like(x, eqn.params['y'], graph))


def _rsqrt(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  del eqn
  [x] = inputs
  root = graph.elementwise('Sqrt', x)
  inverse = graph.elementwise('Div', _like(x, 1.0, graph), root)
  graph.inverses[inverse.name] = root
  return inverse


def _mul(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  del eqn
  for x, inverse in (inputs, inputs[::-1]):
    if inverse.name in graph.inverses:
      return graph.elementwise('Div', x, graph.inverses[inverse.name])
  return graph.elementwise('Mul', *inputs)


def _not_equal(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  del eqn
  return graph.elementwise(
    'Not', graph.elementwise('Equal', *inputs, dtype=bool)
  )


def _logistic(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  """1 / (1 + exp(-x)): ONNX Runtime's own Sigmoid is 0 below -18."""
  del eqn
  [x] = inputs
  one = _like(x, 1.0, graph)
  decay = graph.elementwise('Exp', graph.elementwise('Neg', x))
  return graph.elementwise('Div', one, graph.elementwise('Add', one, decay))


def _expm1(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  """exp(x) - 1, or near 0, where that cancels, tanh(x / 2) (exp(x) + 1)."""
  del eqn
  [x] = inputs
  one = _like(x, 1.0, graph)
  half = _like(x, 0.5, graph)
  exp = graph.elementwise('Exp', x)
  tanh = graph.elementwise('Tanh', graph.elementwise('Mul', x, half))
  near = graph.elementwise('Mul', tanh, graph.elementwise('Add', exp, one))
  far = graph.elementwise('Sub', exp, one)
  magnitude = graph.elementwise('Abs', x)
  is_near = graph.elementwise('Less', magnitude, half, dtype=bool)
  return graph.elementwise('Where', is_near, near, far, dtype=x.dtype)


def _log1p(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  """log(u) x / (u - 1) with u = 1 + x as it is rounded, or x if u is 1.

  The error of rounding u falls on log(u) and on u - 1 alike (Higham, 'Accuracy
  and Stability of Numerical Algorithms', 2002, section 1.14.1).
  """
  del eqn
  [x] = inputs
  one = _like(x, 1.0, graph)
  u = graph.elementwise('Add', x, one)
  rounded = graph.elementwise('Sub', u, one)
  ratio = graph.elementwise('Div', x, rounded)
  log = graph.elementwise('Mul', graph.elementwise('Log', u), ratio)
  is_small = graph.elementwise('Equal', rounded, _like(x, 0, graph), dtype=bool)
  return graph.elementwise('Where', is_small, x, log, dtype=x.dtype)


def _clamp(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  del eqn
  low, x, high = inputs
  return graph.elementwise('Min', graph.elementwise('Max', x, low), high)


def _are_equal(first: Value, second: Value) -> bool:
  """Whether both are constants, and the same wherever they are broadcast."""
  if first.array is None or second.array is None:
    return False
  return bool(np.all(first.array == second.array))


def _select_n(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  del eqn
  which, *cases = inputs
  if which.dtype.kind != 'b' or len(cases) != 2:
    raise ConversionError('it selects between more than two cases')
  if _are_equal(*cases):
    return max(cases, key=lambda case: len(case.shape))
  dtype = cases[0].dtype
  if dtype.kind == 'b':
    # ONNX Runtime has no Where of these.
    parts = (
      graph.elementwise('And', graph.elementwise('Not', which), cases[0]),
      graph.elementwise('And', which, cases[1]),
    )
    return graph.elementwise('Or', *parts)
  return graph.elementwise('Where', which, cases[1], cases[0], dtype=dtype)


def _convert(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  [x] = inputs
  dtype = np.dtype(eqn.params['new_dtype'])
  if dtype == x.dtype:
    return x
  return graph.add('Cast', [x], x.shape, dtype, to=dtype.name)


# Rules of primitives that are elementwise, with the broadcasting of NumPy.
ELEMENTWISE: dict[str, Rule] = {
  'abs': _simple('Abs'),
  'add': _simple('Add'),
  'add_any': _simple('Add'),
  'and': _logical('And'),
  'ceil': _simple('Ceil'),
  'clamp': _clamp,
  'convert_element_type': _convert,
  'copy': _identity,
  'copy_p': _identity,
  'cos': _simple('Cos'),
  'div': _simple('Div'),
  'eq': _comparison('Equal'),
  'erf': _simple('Erf'),
  'exp': _simple('Exp'),
  'expm1': _expm1,
  'floor': _simple('Floor'),
  'ge': _comparison('GreaterOrEqual'),
  'gt': _comparison('Greater'),
  'integer_pow': _integer_pow,
  'le': _comparison('LessOrEqual'),
  'log': _simple('Log'),
  'log1p': _log1p,
  'logistic': _logistic,
  'lt': _comparison('Less'),
  'max': _simple('Max'),
  'min': _simple('Min'),
  'mul': _mul,
  'ne': _not_equal,
  'neg': _simple('Neg'),
  'not': _logical('Not'),
  'optimization_barrier': _identity,
  'or': _logical('Or'),
  'pow': _simple('Pow'),
  'rsqrt': _rsqrt,
  'select_n': _select_n,
  'sign': _simple('Sign'),
  'sin': _simple('Sin'),
  'sqrt': _simple('Sqrt'),
  'square': _square,
  'stop_gradient': _identity,
  'sub': _simple('Sub'),
  'tanh': _simple('Tanh'),
}


def _broadcast_in_dim(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  x = inputs[0]
  places = eqn.params['broadcast_dimensions']
  # The value may lack the first of its dimensions.
  places = places[len(places) - len(x.shape) :]
  sizes: list[graph_lib.Dim] = [1] * len(eqn.params['shape'])
  for place, size in zip(places, x.shape, strict=True):
    sizes[place] = size
  return graph.reshape(x, _without_leading_ones(tuple(sizes), len(x.shape)))


def _without_leading_ones(shape: Shape, least: int = 0) -> Shape:
  while len(shape) > least and shape[0] == 1:
    shape = shape[1:]
  return shape


def _reshape(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  [x] = inputs
  old, new = shape_of(eqn.invars[0]), shape_of(eqn.outvars[0])
  if _without_leading_ones(old) == _without_leading_ones(new):
    return graph.reshape(x, x.shape[max(0, len(x.shape) - len(new)) :])
  return graph.reshape(graph.expand(x, old), new)


def _squeeze(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  [x] = inputs
  return _drop(graph, x, shape_of(eqn.invars[0]), eqn.params['dimensions'])


def _drop(
  graph: Graph, x: Value, shape: Shape, dimensions: Sequence[int]
) -> Value:
  """Drops dimensions of 1, given by their places in JAX's shape."""
  missing = len(shape) - len(x.shape)
  dropped = {place - missing for place in dimensions}
  return graph.reshape(
    x, tuple(size for i, size in enumerate(x.shape) if i not in dropped)
  )


def _transpose(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  [x] = inputs
  order = eqn.params['permutation']
  padded = (1,) * (len(order) - len(x.shape)) + x.shape
  x = graph.reshape(x, padded)
  shape = tuple(padded[place] for place in order)
  return graph.add('Transpose', [x], shape, x.dtype, perm=list(order))


def _concatenate(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  axis = eqn.params['dimension'] - len(shape_of(eqn.outvars[0]))
  shapes = [shape_of(variable) for variable in eqn.invars]

  def others(value: Value) -> Shape:
    return tuple(
      x for i, x in enumerate(value.shape, -len(value.shape)) if i != axis
    )

  is_ready = all(
    len(value.shape) >= -axis
    and value.shape[axis] == shape[axis]
    and len(value.shape) == len(inputs[0].shape)
    and others(value) == others(inputs[0])
    for value, shape in zip(inputs, shapes, strict=True)
  )
  if not is_ready:
    inputs = [graph.expand(*x) for x in zip(inputs, shapes, strict=True)]
  sizes = list(inputs[0].shape)
  sizes[axis] = shape_of(eqn.outvars[0])[axis]
  return graph.add('Concat', inputs, tuple(sizes), inputs[0].dtype, axis=axis)


def _cut(
  graph: Graph,
  x: Value,
  shape: Shape,
  starts: Sequence[Any],
  ends: Sequence[Any],
  steps: Sequence[int] | None = None,
) -> Value:
  """A part of a value, given by places in JAX's shape of it."""
  cuts = []
  sizes = list(x.shape)
  for i, (size, start, end) in enumerate(zip(shape, starts, ends, strict=True)):
    step = steps[i] if steps else 1
    axis = i - len(shape)
    if (start, graph_lib.of_jax([end])[0], step) == (0, size, 1):
      continue
    if isinstance(size, str):
      raise ConversionError('it takes a part of the batch')
    # Parts of what is broadcast are all the same.
    if len(x.shape) >= -axis and x.shape[axis] == size:
      cuts.append((start, end, axis, step))
      sizes[axis] = math.ceil((end - start) / step)
  if not cuts:
    return x
  columns = [
    graph.constant(np.array(column, np.int64))
    for column in zip(*cuts, strict=True)
  ]
  return graph.add('Slice', [x, *columns], tuple(sizes), x.dtype)


def _slice(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  [x] = inputs
  params = eqn.params
  return _cut(
    graph,
    x,
    shape_of(eqn.invars[0]),
    params['start_indices'],
    params['limit_indices'],
    params['strides'],
  )


def _split(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
  [x] = inputs
  shape = shape_of(eqn.invars[0])
  axis = eqn.params['axis']
  parts = []
  start = 0
  for size in eqn.params['sizes']:
    starts: list[Any] = [0] * len(shape)
    ends: list[Any] = list(shape)
    starts[axis], ends[axis] = start, start + size
    parts.append(_cut(graph, x, shape, starts, ends))
    start += size
  return parts


def _gather(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  """Parts of an array at places that are known, as x[0] or x[:, [2, 0]]."""
  x, indices = inputs
  places = eqn.params['dimension_numbers']
  sizes = eqn.params['slice_sizes']
  shape = shape_of(eqn.invars[0])
  known = indices.array
  if known is not None and known.ndim == 1:
    starts = [0] * len(shape)
    for place, start in zip(places.start_index_map, known, strict=True):
      starts[place] = int(start)
    ends = [
      size if start == 0 else start + size
      for start, size in zip(starts, sizes, strict=True)
    ]
    part = _cut(graph, x, shape, starts, ends)
    return _drop(graph, part, shape, places.collapsed_slice_dims)
  result = shape_of(eqn.outvars[0])
  if (
    known is not None
    and known.ndim == 2
    and places.start_index_map == places.collapsed_slice_dims
    and len(result) == len(shape)
    and {*range(len(result))} - {*places.offset_dims}
    == {*places.start_index_map}
    and _all_of_others(shape, sizes, places.start_index_map[0])
  ):
    axis = places.start_index_map[0]
    chosen = graph.constant(known[:, 0].astype(np.int64))
    whole = graph.expand(x, shape)
    return graph.add('Gather', [whole, chosen], result, x.dtype, axis=axis)
  raise ConversionError('it looks up parts of an array by computed indices')


def _all_of_others(shape: Shape, sizes: Sequence[Any], axis: int) -> bool:
  """Whether slices of these sizes have all of each axis but one."""
  sizes = graph_lib.of_jax(sizes)
  return all(
    a == b
    for i, (a, b) in enumerate(zip(shape, sizes, strict=True))
    if i != axis
  )


def _reduction(op: str) -> Rule:
  def rule(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
    [x] = inputs
    shape = shape_of(eqn.invars[0])
    axes = [axis - len(shape) for axis in eqn.params['axes']]
    if any(
      len(x.shape) < -axis or x.shape[axis] != shape[axis] for axis in axes
    ):
      x = graph.expand(x, shape)
    kept = tuple(
      size for i, size in enumerate(x.shape, -len(x.shape)) if i not in axes
    )
    if x.dtype.kind == 'b':
      number = graph.add('Cast', [x], x.shape, np.float32, to='float32')
      result = graph.add(op, [number], kept, np.float32, axes=axes, keepdims=0)
      return graph.add('Cast', [result], kept, bool, to='bool')
    if op == 'ReduceSum':
      # Of these, only here the axes are an input.
      inputs = [x, graph.constant(np.array(axes, np.int64))]
      return graph.add(op, inputs, kept, x.dtype, keepdims=0)
    return graph.add(op, [x], kept, x.dtype, axes=axes, keepdims=0)

  return rule


def _cumsum(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  shape = shape_of(eqn.invars[0])
  x = graph.expand(inputs[0], shape)
  axis = graph.constant(np.array(eqn.params['axis'], np.int64))
  reverse = int(eqn.params['reverse'])
  return graph.add('CumSum', [x, axis], shape, x.dtype, reverse=reverse)


def _dot_general(graph: Graph, eqn: Any, inputs: list[Value]) -> Value:
  left, right = inputs
  shapes = [shape_of(variable) for variable in eqn.invars]
  (of_left, of_right), (batch_left, batch_right) = eqn.params[
    'dimension_numbers'
  ]
  right = graph.expand(right, shapes[1])
  rank = len(shapes[0])
  if (
    not batch_left
    and len(shapes[1]) == 2
    and tuple(of_left) == (rank - 1,)
    and tuple(of_right) == (0,)
  ):
    if not left.shape or left.shape[-1] != shapes[0][-1]:
      left = graph.expand(left, shapes[0])
    shape = (*left.shape[:-1], shapes[1][1])
    return graph.add('MatMul', [left, right], shape, left.dtype)
  left = graph.expand(left, shapes[0])
  letters = iter(string.ascii_lowercase)
  names = [next(letters) for _ in shapes[0]]
  others = [''] * len(shapes[1])
  for mine, other in zip(
    (*of_left, *batch_left), (*of_right, *batch_right), strict=True
  ):
    others[other] = names[mine]
  others = [name or next(letters) for name in others]
  result = [names[i] for i in batch_left]
  result += [x for i, x in enumerate(names) if i not in {*of_left, *batch_left}]
  result += [
    x for i, x in enumerate(others) if i not in {*of_right, *batch_right}
  ]
  equation = f'{"".join(names)},{"".join(others)}->{"".join(result)}'
  shape = shape_of(eqn.outvars[0])
  return graph.add(
    'Einsum', [left, right], shape, left.dtype, equation=equation
  )


# Rules of the other primitives.
STRUCTURAL: dict[str, Rule] = {
  'broadcast_in_dim': _broadcast_in_dim,
  'concatenate': _concatenate,
  'cumsum': _cumsum,
  'dot_general': _dot_general,
  'gather': _gather,
  'reduce_and': _reduction('ReduceMin'),
  'reduce_max': _reduction('ReduceMax'),
  'reduce_min': _reduction('ReduceMin'),
  'reduce_or': _reduction('ReduceMax'),
  'reduce_sum': _reduction('ReduceSum'),
  'reshape': _reshape,
  'slice': _slice,
  'split': _split,
  'squeeze': _squeeze,
  'transpose': _transpose,
}
