"""A file that computes something else than JAX is found out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.export import checking
from quinoa_acme.export import functions
from quinoa_acme.export import graph as graph_lib

_INPUT = functions.Input('observation', (3,), np.dtype(np.float32))


def _make(function):
  return functions.PolicyFunction(
    'mode',
    function,
    (_INPUT,),
    'action',
    (3,),
    jax.make_jaxpr(function)({}, _INPUT.abstract(1)),
  )


_FUNCTION = _make(lambda params, x: jnp.tanh(x))


def _run(inputs):
  return np.tanh(inputs['observation'])


def test_the_largest_difference_is_told():
  assert checking.largest_difference(_FUNCTION, {}, _run) < 1e-6

  def rounded(inputs):
    return _run(inputs) + np.float32(8e-6)

  found = checking.largest_difference(_FUNCTION, {}, rounded)
  assert 7e-6 < found < 9e-6


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    (lambda x: x + np.float32(2e-5), 'its mode differs from JAX by 2e-05'),
    (lambda x: x * np.float32(np.nan), 'differs from JAX by nan'),
    (lambda x: x[:, :2], r'gives float32 \(1, 2\) and not float32 \(1, 3\)'),
    (lambda x: x.astype(np.float64), 'gives float64'),
  ],
)
def test_a_wrong_result_is_refused(change, words):
  with pytest.raises(graph_lib.ConversionError, match=words):
    checking.largest_difference(_FUNCTION, {}, lambda x: change(_run(x)))


def test_one_may_differ_as_rounding_moves_it():
  # A change of the last digit of x moves it by a hundredth.
  steep = _make(lambda params, x: jnp.sin(1e5 * x))

  def differs(size):
    return lambda x: (
      np.sin(np.float32(1e5) * x['observation']) + np.float32(size)
    )

  assert checking.largest_difference(steep, {}, differs(1e-3)) > 5e-4
  with pytest.raises(graph_lib.ConversionError, match='rounding explains'):
    checking.largest_difference(steep, {}, differs(0.5))


def test_inputs_are_drawn_within_their_bounds(nested_spec):
  rng = np.random.default_rng(0)
  action = functions.Input('action', (2, 2), _INPUT.dtype, nested_spec.actions)
  drawn = checking.draw(rng, action, 500)
  assert drawn.dtype == np.float32
  assert drawn.shape == (500, 2, 2)
  assert -1 <= drawn.min() < -0.9
  assert 2.9 < drawn.max() <= 3
  bounded = _INPUT._replace(spec=nested_spec.actions)
  assert checking.draw(rng, bounded._replace(shape=(2, 2)), 500).min() == -1
  noise = checking.draw(rng, _INPUT._replace(draw='uniform'), 500)
  assert 0 <= noise.min() < 0.01 < 0.99 < noise.max() < 1
