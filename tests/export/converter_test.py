"""A jaxpr becomes a graph: parameters keep their names, constants fold."""

import jax
from jax import export as jax_export
import jax.numpy as jnp
import numpy as np

from quinoa_acme.export import converter

_PARAMETERS = {
  'scale': np.float32(2.0),
  'weight': np.ones((3, 2), np.float32),
}


def _trace(function):
  [batch] = jax_export.symbolic_shape('batch')
  x = jax.ShapeDtypeStruct((batch, 3), np.float32)
  return jax.make_jaxpr(function)(*_PARAMETERS.values(), x)


def _convert(function):
  return converter.convert(_trace(function), _PARAMETERS, ['x'], 'y')


def test_parameters_are_constants_by_their_names():
  graph = _convert(lambda scale, weight, x: (x @ weight) * scale)
  assert [x.op for x in graph.nodes] == ['MatMul', 'Mul', 'Identity']
  assert set(graph.constants) == {'scale', 'weight'}
  assert [(x.name, x.shape) for x in graph.inputs] == [('x', ('batch', 3))]
  assert (graph.output.name, graph.output.shape) == ('y', ('batch', 2))


def test_what_depends_on_parameters_alone_is_computed_once():
  graph = _convert(
    lambda scale, weight, x: x @ jnp.tanh(weight * jnp.exp(scale))
  )
  assert [x.op for x in graph.nodes] == ['MatMul', 'Identity']
  [weight] = graph.constants.values()
  np.testing.assert_allclose(weight, np.tanh(np.full((3, 2), np.exp(2.0))))


def test_also_where_jax_broadcasts_it_over_the_batch():
  def function(scale, weight, x):
    del weight
    centre = jnp.full(x.shape, 0.5) - jnp.broadcast_to(scale, x.shape)
    return x + centre

  graph = _convert(function)
  assert [x.op for x in graph.nodes] == ['Add', 'Identity']
  [centre] = graph.constants.values()
  assert centre.item() == -1.5


def test_what_nothing_depends_on_is_not_even_read():
  def function(scale, weight, x):
    jnp.sort(x @ weight)
    return x * scale

  jaxpr = _trace(function).jaxpr
  assert len(jaxpr.eqns) > 1
  [eqn] = converter.live_equations(jaxpr)
  assert eqn.primitive.name == 'mul'


def test_an_output_that_is_the_same_for_all_has_a_row_for_each():
  graph = _convert(lambda scale, weight, x: jnp.zeros_like(x) + scale)
  assert graph.output.shape == ('batch', 3)
  assert 'Expand' in [x.op for x in graph.nodes]
