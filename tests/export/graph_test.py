"""A graph broadcasts as NumPy does, and keeps only what is needed."""

import numpy as np
import pytest

from quinoa_acme.export import graph as graph_lib

_FLOAT = np.dtype(np.float32)


@pytest.fixture
def graph():
  return graph_lib.Graph()


def test_shapes_broadcast_by_numpy_s_rules():
  found = graph_lib.broadcast(('batch', 1), (3,), ())
  assert found == ('batch', 3)


def test_what_is_there_is_not_added_again(graph):
  x = graph.add_input('x', ('batch', 2), _FLOAT)
  one = graph.constant(np.float32(1.0))
  assert graph.constant(np.float32(1.0)) is one
  assert graph.constant(np.float64(1.0)) is not one
  first = graph.elementwise('Add', x, one)
  assert graph.elementwise('Add', x, one) is first
  assert graph.elementwise('Sub', x, one) is not first
  assert len(graph.nodes) == 2


def test_a_constant_is_reshaped_and_expanded_at_once(graph):
  x = graph.constant(np.arange(3.0, dtype=np.float32))
  assert graph.reshape(x, (3, 1)).array.shape == (3, 1)
  np.testing.assert_array_equal(
    graph.expand(x, (2, 3)).array, [[0, 1, 2], [0, 1, 2]]
  )
  assert graph.nodes == []


def test_it_expands_to_the_batch_s_size(graph):
  graph.add_input('x', ('batch', 2), _FLOAT)
  row = graph.constant(np.zeros(3, np.float32))
  assert graph.expand(row, ('batch', 3)).shape == ('batch', 3)
  assert [x.op for x in graph.nodes] == ['Shape', 'Gather', 'Concat', 'Expand']


def test_sizes_that_are_not_the_batch_s_are_refused(graph):
  x = graph.add_input('x', ('batch', 1), _FLOAT)
  with pytest.raises(graph_lib.ConversionError, match=r'the size 2\*batch'):
    graph.expand(graph.constant(np.zeros(1, np.float32)), ('2*batch',))
  with pytest.raises(graph_lib.ConversionError, match='two free sizes'):
    graph.reshape(x, ('batch', 'batch'))


def test_what_the_output_does_not_need_is_dropped(graph):
  x = graph.add_input('x', ('batch',), _FLOAT)
  one, two = graph.constant(np.float32(1)), graph.constant(np.float32(2))
  graph.elementwise('Mul', x, two)
  graph.finish(graph.elementwise('Add', x, one), 'y')
  assert [x.op for x in graph.nodes] == ['Add', 'Identity']
  assert list(graph.constants) == [one.name]
  assert graph.output.name == 'y'
