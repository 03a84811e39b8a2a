"""Each primitive computes in ONNX Runtime what it computes in JAX."""

import jax
from jax import export as jax_export
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.export import converter
from quinoa_acme.export import functions
from quinoa_acme.export import graph as graph_lib
from quinoa_acme.export import noise
from quinoa_acme.export import onnx_files

_RNG = np.random.default_rng(0)
_ROWS = _RNG.normal(0.0, 2.0, (5, 4)).astype(np.float32)
_MATRIX = _RNG.normal(0.0, 1.0, (4, 3)).astype(np.float32)


def _run(function, path, *arrays):
  """Computes a function of a batch by ONNX Runtime, and by JAX."""
  [batch] = jax_export.symbolic_shape('batch')
  names = [f'x{i}' for i in range(len(arrays))]
  inputs = [
    functions.Input(name, x.shape[1:], x.dtype)
    for name, x in zip(names, arrays, strict=True)
  ]
  flat = noise.with_noise(function, len(arrays))
  jaxpr = jax.make_jaxpr(flat)(*[x.abstract(batch) for x in inputs])
  graph = converter.convert(jaxpr, {}, names, 'y')
  onnx_files.write(graph, 'function', path)
  expected = np.asarray(function(*arrays))
  of_file = functions.PolicyFunction('', flat, (), 'y', (), jaxpr)
  found = onnx_files.read(path, of_file)(dict(zip(names, arrays, strict=True)))
  assert found.dtype == expected.dtype
  assert found.shape == expected.shape
  return found, expected


_FUNCTIONS = {
  'activations': lambda x: jax.nn.relu(x) + jnp.tanh(x) + jax.nn.sigmoid(x),
  'softmax': lambda x: jax.nn.log_softmax(x) + jax.nn.softplus(x),
  'powers': lambda x: x**2 + x**3 + jnp.abs(x) ** 0.5 + jnp.sqrt(x * x),
  'rsqrt': lambda x: x * jax.lax.rsqrt(1.0 + x * x) + jax.lax.rsqrt(2.0 + x**2),
  'waves': lambda x: jnp.sin(x) + jnp.cos(x) + jnp.sign(x) + jax.lax.erf(x),
  'rounding': lambda x: jnp.floor(x) + jnp.ceil(x) + jnp.clip(x, -1.0, 0.5),
  'clamp': lambda x: jax.lax.clamp(-0.5, x, 0.5),
  'where': lambda x: jnp.where((x > 0) & ~(x >= 1) | (x != x), x, -x),
  'where of booleans': lambda x: jnp.where(x > 0, x > 1, x < -1),
  'equal sides': lambda x: jnp.where(x > 0, 2.0, 2.0) * x,
  'comparisons': lambda x: ((x <= 0) == (x < 1)).astype(jnp.int32),
  'sums': lambda x: jnp.sum(x, axis=-1) + jnp.max(x, axis=1) - jnp.min(x, 1),
  'sum of what is broadcast': lambda x: jnp.sum(
    jnp.broadcast_to(x[:, None], (*x.shape[:1], 3, 4)), axis=1
  ),
  'any and all': lambda x: jnp.any(x > 1, -1) | jnp.all(x > -1, -1),
  'cumsum': lambda x: jnp.cumsum(x, axis=1),
  'parts': lambda x: x[:, 1:3] + x[:, ::2] + jnp.split(x, 2, axis=1)[1],
  'chosen parts': lambda x: x[:, np.array([2, 0, 2])],
  'one part': lambda x: x[:, 2] + x[..., -1],
  'joined': lambda x: jnp.concatenate([x, jnp.ones_like(x[:, :1])], axis=1),
  'turned': lambda x: jnp.reshape(jnp.transpose(x[None], (1, 2, 0)), (-1, 4)),
  'new axes': lambda x: (x[:, None, :] * x[:, :, None]).reshape(-1, 16),
  'product': lambda x: x @ _MATRIX,
  'batched product': lambda x: jnp.einsum('bi,bi->b', x, x + 1.0),
  'outer product': lambda x: jnp.einsum('bi,ji->bj', x, _MATRIX.T),
  'constants alone': lambda x: x * 0 + jnp.tanh(_MATRIX.sum(1))[None],
}


@pytest.mark.parametrize('name', list(_FUNCTIONS))
def test_it_computes_what_jax_computes(name, tmp_path):
  found, expected = _run(_FUNCTIONS[name], tmp_path / 'f.onnx', _ROWS)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_batch_of_one_is_a_batch(tmp_path):
  function = _FUNCTIONS['sum of what is broadcast']
  found, expected = _run(function, tmp_path / 'f.onnx', _ROWS[:1])
  np.testing.assert_allclose(found, expected, rtol=1e-5)


_TINY = np.concatenate(
  [sign * 10.0 ** np.linspace(-30, -0.01, 61) for sign in (-1, 1)]
)


@pytest.mark.parametrize(
  ('function', 'exact', 'xs'),
  [
    (jnp.expm1, np.expm1, np.concatenate([_TINY, np.linspace(-100, 80, 99)])),
    (jnp.log1p, np.log1p, np.concatenate([_TINY, [2, 9, 1e30]])),
    (jax.nn.sigmoid, lambda x: 1 / (1 + np.exp(-x)), np.linspace(-80, 80, 99)),
  ],
)
def test_where_digits_would_cancel_none_are_lost(function, exact, xs, tmp_path):
  xs = np.sort(xs).astype(np.float32)
  found, _ = _run(function, tmp_path / 'f.onnx', xs)
  np.testing.assert_allclose(found, exact(xs.astype(np.float64)), rtol=5e-7)


def test_the_logarithm_of_nothing_is_infinite(tmp_path):
  found, _ = _run(jnp.log1p, tmp_path / 'f.onnx', np.array([-1], np.float32))
  assert found == -np.inf


_REFUSED = {
  "primitive 'sort'": lambda x: jnp.sort(x, axis=1),
  "primitive 'erf_inv'": lambda x: jax.lax.erf_inv(x / 10),
  "primitive 'scan'": lambda x: jax.lax.scan(
    lambda a, _: (a + x, None), x, None, length=2
  )[0],
  'by computed indices': lambda x: jnp.asarray(_MATRIX)[jnp.int32(x[:, 0])],
  'and of bits': lambda x: jnp.int32(x) & 3,
  'a part of the batch': lambda x: x[0],
}


@pytest.mark.parametrize('words', list(_REFUSED))
def test_what_it_does_not_express_is_refused_by_name(words, tmp_path):
  with pytest.raises(graph_lib.ConversionError, match=words):
    _run(_REFUSED[words], tmp_path / 'f.onnx', _ROWS)
