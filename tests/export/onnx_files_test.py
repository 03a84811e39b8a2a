"""ONNX files that other programs read."""

import numpy as np
import onnx
from onnx import numpy_helper
import pytest

from quinoa_acme.export import graph as graph_lib
from quinoa_acme.export import onnx_files


@pytest.fixture
def path(tmp_path):
  graph = graph_lib.Graph()
  x = graph.add_input('x', ('batch', 2), np.dtype(np.int32))
  weight = graph.constant(np.ones((2, 3), np.float32), 'layer/w')
  number = graph.add('Cast', [x], x.shape, np.float32, to='float32')
  product = graph.add('MatMul', [number, weight], ('batch', 3), np.float32)
  graph.finish(product, 'y')
  onnx_files.write(graph, 'sums', tmp_path / 'f.onnx')
  return tmp_path / 'f.onnx'


def test_names_shapes_and_arrays_are_in_the_file(path):
  model = onnx.load(str(path))
  [x], [y] = model.graph.input, model.graph.output
  assert (x.name, y.name, model.graph.name) == ('x', 'y', 'sums')
  assert x.type.tensor_type.elem_type == onnx.TensorProto.INT32
  sizes = [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
  assert sizes == ['batch', 2]
  [array] = model.graph.initializer
  assert array.name == 'layer/w'
  np.testing.assert_array_equal(numpy_helper.to_array(array), np.ones((2, 3)))


def test_it_is_read_by_runtimes_of_2021(path):
  model = onnx.load(str(path))
  assert [(x.domain, x.version) for x in model.opset_import] == [('', 13)]
  # ONNX Runtime 1.8 knows this one.
  assert model.ir_version == 7
