"""Graphs as ONNX files."""

from collections.abc import Callable, Mapping
import pathlib
from typing import Any

import numpy as np
import onnx
from onnx import checker
from onnx import helper
from onnx import numpy_helper
import onnxruntime

from quinoa_acme.export import functions
from quinoa_acme.export import graph as graph_lib

# Read by every ONNX Runtime since 1.8; the first in which ReduceSum has its
# axes as an input.
OPSET = 13
_IR_VERSION = 7
# ONNX's names of these; those of the others are NumPy's.
_FLOATS = {'float16': 'FLOAT16', 'float32': 'FLOAT', 'float64': 'DOUBLE'}


def write(graph: graph_lib.Graph, name: str, path: pathlib.Path) -> None:
  """Writes a graph, after ONNX's own check of it.

  Args:
    graph: the graph.
    name: of the function.
    path: the file.
  """
  assert graph.output is not None
  nodes = []
  for node in graph.nodes:
    attributes = dict(node.attributes)
    if node.op == 'Cast':
      attributes['to'] = _type_of(np.dtype(attributes['to']))
    nodes.append(
      helper.make_node(node.op, node.inputs, [node.output], **attributes)
    )
  proto = helper.make_graph(
    nodes,
    name,
    [_describe(value) for value in graph.inputs],
    [_describe(graph.output)],
    [
      numpy_helper.from_array(array, key)
      for key, array in graph.constants.items()
    ],
  )
  model = helper.make_model(
    proto,
    opset_imports=[helper.make_opsetid('', OPSET)],
    ir_version=_IR_VERSION,
    producer_name='quinoa_acme',
  )
  checker.check_model(model, full_check=True)
  path.write_bytes(model.SerializeToString())


def read(
  path: pathlib.Path, function: functions.PolicyFunction
) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
  """Opens a file in ONNX Runtime, on one core.

  Args:
    path: the file.
    function: what it was written from.

  Returns:
    A function from inputs by name to the output.
  """
  options = onnxruntime.SessionOptions()
  options.intra_op_num_threads = options.inter_op_num_threads = 1
  session = onnxruntime.InferenceSession(
    str(path), options, providers=['CPUExecutionProvider']
  )
  return lambda inputs: np.asarray(
    session.run([function.output], dict(inputs))[0]
  )


def _describe(value: graph_lib.Value) -> Any:
  return helper.make_tensor_value_info(
    value.name, _type_of(value.dtype), value.shape
  )


def _type_of(dtype: np.dtype) -> int:
  name = _FLOATS.get(dtype.name, dtype.name.upper())
  return getattr(onnx.TensorProto, name)
