"""Tests of the perceptrons and their weight normalisation."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib

_HIDDEN = (7, 5, 6)


def _mlp(inputs):
  layer = networks_lib.WeightNormLinear
  return networks_lib.MLP(_HIDDEN, 4, layer=layer, name='mlp')(inputs)


def _layers(params, inputs) -> dict[str, np.ndarray]:
  """Returns each layer's output, before its activation, by name."""
  outputs = {}

  def record(next_function, args, kwargs, context):
    output = next_function(*args, **kwargs)
    is_layer = isinstance(context.module, networks_lib.WeightNormLinear)
    if is_layer and context.method_name == '__call__':
      # Inside, there is a dimension of one in front.
      outputs[context.module.name] = np.asarray(output)[0]
    return output

  def forward(inputs):
    with hk.intercept_methods(record):
      return _mlp(inputs)

  hk.without_apply_rng(hk.transform(forward)).apply(params, inputs)
  return outputs


@pytest.fixture(scope='module')
def mlp():
  transformed = hk.without_apply_rng(hk.transform(_mlp))
  return transformed._replace(
    init=jax.jit(transformed.init), apply=jax.jit(transformed.apply)
  )


@pytest.fixture(scope='module')
def inputs():
  rng = np.random.default_rng(0)
  return rng.normal(3.0, 5.0, (64, 9)).astype(np.float32)


@pytest.mark.parametrize('seed', [0, 1])
def test_hidden_layers_are_standardised_by_the_first_batch(mlp, inputs, seed):
  params = mlp.init(jax.random.PRNGKey(seed), inputs)
  layers = _layers(params, inputs)
  assert sorted(layers) == ['hidden_0', 'hidden_1', 'hidden_2', 'output']
  for i, size in enumerate(_HIDDEN):
    layer = layers[f'hidden_{i}']
    assert layer.shape == (64, size)
    np.testing.assert_allclose(layer.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(layer.std(axis=0), 1, rtol=1e-4)


def test_the_output_is_exactly_zero_at_first(mlp, inputs):
  params = mlp.init(jax.random.PRNGKey(0), inputs)
  np.testing.assert_array_equal(mlp.apply(params, inputs), np.zeros((64, 4)))
  assert not np.any(params['mlp/output']['gain'])
  assert np.any(params['mlp/output']['direction'])


def test_a_zero_output_still_learns(mlp, inputs):
  params = mlp.init(jax.random.PRNGKey(0), inputs)
  gradient = jax.grad(lambda p: jnp.sum(mlp.apply(p, inputs)))(params)
  assert np.all(np.abs(gradient['mlp/output']['gain']) > 0)
  np.testing.assert_allclose(gradient['mlp/output']['bias'], 64)


def test_the_norm_of_each_column_is_its_gain(mlp, inputs):
  params = mlp.init(jax.random.PRNGKey(0), inputs)['mlp/hidden_0']
  layer = hk.without_apply_rng(
    hk.transform(lambda x: networks_lib.WeightNormLinear(7, name='layer')(x))
  )
  # Another length of the direction changes nothing.
  for factor in (1.0, 7.0):
    direction = factor * params['direction']
    named = {'layer': {**params, 'direction': direction}}
    bias = layer.apply(named, np.zeros((1, 9), np.float32))
    weight = layer.apply(named, np.eye(9, dtype=np.float32)) - np.repeat(
      bias, 9, axis=0
    )
    np.testing.assert_allclose(bias[0], params['bias'], rtol=1e-6)
    np.testing.assert_allclose(
      np.linalg.norm(weight, axis=0), np.abs(params['gain']), rtol=1e-4
    )


def test_a_constant_batch_gives_unit_gain_and_no_bias(mlp, inputs):
  for constant in (inputs[:1], np.repeat(inputs[:1], 64, axis=0)):
    params = mlp.init(jax.random.PRNGKey(0), constant)
    for i in range(len(_HIDDEN)):
      layer = params[f'mlp/hidden_{i}']
      np.testing.assert_array_equal(layer['gain'], 1)
      np.testing.assert_array_equal(layer['bias'], 0)
    for output in _layers(params, inputs).values():
      assert np.isfinite(output).all()


def test_leading_dimensions_are_kept(mlp, inputs):
  params = mlp.init(jax.random.PRNGKey(0), inputs)
  outputs = mlp.apply(params, inputs.reshape(4, 16, 9))
  assert outputs.shape == (4, 16, 4)


_LAYERS = [
  networks_lib.Linear,
  networks_lib.LayerNormLinear,
  networks_lib.WeightNormLinear,
]


@pytest.mark.parametrize('layer', _LAYERS)
def test_shared_inputs_are_as_good_as_repeated_ones(perturb, layer, inputs):
  """Of 64 states with 5 actions each, the states are given once."""
  network = hk.without_apply_rng(
    hk.transform(lambda *x: networks_lib.MLP((7, 6), 3, layer=layer)(*x))
  )
  actions = np.random.default_rng(1).normal(size=(5, 64, 2)).astype(np.float32)
  key = jax.random.PRNGKey(0)
  params = network.init(key, inputs, actions)
  np.testing.assert_array_equal(
    network.apply(params, inputs, actions), np.zeros((5, 64, 3))
  )
  params = perturb(params, key, 0.3)
  repeated = np.concatenate([np.stack(5 * [inputs]), actions], axis=-1)
  expected = network.apply(params, repeated)
  assert np.ptp(expected) > 0.1
  np.testing.assert_allclose(
    network.apply(params, inputs, actions), expected, atol=1e-4
  )


def test_observations_are_joined_in_order_of_their_keys():
  observation = {
    'z': np.array([[1, 2], [3, 4]], np.int64),
    'a': {
      'image': np.arange(8, dtype=np.float64).reshape(2, 2, 2) + 0.5,
      'flag': np.array([True, False]),
    },
    'm': np.array([7.0, 8.0], np.float32),
  }
  flat = networks_lib.flatten_observation(observation)
  assert flat.dtype == jnp.float32
  np.testing.assert_array_equal(
    flat,
    [
      [1, 0.5, 1.5, 2.5, 3.5, 7, 1, 2],
      [0, 4.5, 5.5, 6.5, 7.5, 8, 3, 4],
    ],
  )


@pytest.mark.parametrize('shape', [(), (1,), (3,), (2, 3)])
@pytest.mark.parametrize('dtype', [np.float32, np.float64, np.int32, np.uint8])
def test_any_array_becomes_a_row_of_floats(shape, dtype):
  observation = np.ones((5, *shape), dtype)
  flat = networks_lib.flatten_observation(observation)
  assert flat.dtype == jnp.float32
  assert flat.shape == (5, int(np.prod(shape)))


def test_more_batch_dimensions_may_lead():
  observation = {'a': np.ones((2, 3, 4)), 'b': np.zeros((2, 3))}
  flat = networks_lib.flatten_observation(observation, num_batch_dims=2)
  assert flat.shape == (2, 3, 5)
