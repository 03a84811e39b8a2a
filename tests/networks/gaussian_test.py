"""Tests of the Gaussians over a box: densities, samples, relative entropy."""

import haiku as hk
import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from quinoa_acme import networks as networks_lib
from quinoa_acme.utils import specs

_BOX = networks_lib.Box.from_spec(
  specs.BoundedArray((2,), np.float32, [-1.0, -2.0], [2.0, 6.0])
)
# Of the box's half, in each dimension.
_HALF = np.array([1.5, 4.0])
_CENTRE = np.array([0.5, 2.0])
_KINDS = (networks_lib.SquashedGaussian, networks_lib.ClippedGaussian)
_MEANS = st.lists(st.floats(-1.5, 1.5, width=32), min_size=2, max_size=2)
_SCALES = st.lists(st.floats(0.125, 1.5, width=32), min_size=2, max_size=2)


def _settings(max_examples: int):
  return hypothesis.settings(
    deadline=None, max_examples=max_examples, derandomize=True
  )


def _make(kind, mean, scale):
  return kind(
    jnp.asarray([mean], jnp.float32), jnp.asarray([scale], jnp.float32), _BOX
  )


def _gaussian_of(action, mean, scale):
  """The log-density of the Gaussian at a point, in double precision."""
  return stats.norm.logpdf((action - _CENTRE) / _HALF, mean, scale).sum(axis=-1)


@_settings(20)
@hypothesis.given(mean=_MEANS, scale=_SCALES)
def test_a_squashed_density_integrates_to_one(mean, scale):
  # The middles of cells in tanh's own coordinate, where the density is smooth.
  edges = np.tanh(np.linspace(-12.0, 12.0, 601))
  middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
  inside = np.abs(middles) < 1 - 1e-5
  middles, widths = middles[inside], widths[inside]
  grid = np.stack(np.meshgrid(middles, middles, indexing='ij'), axis=-1)
  action = jnp.asarray(
    _CENTRE + _HALF * grid.reshape(-1, 1, 2), dtype=jnp.float32
  )
  log_prob = _make(networks_lib.SquashedGaussian, mean, scale).log_prob(action)
  cells = np.prod(_HALF) * np.outer(widths, widths).reshape(-1)
  assert np.all(np.isfinite(log_prob))
  total = np.sum(np.exp(np.float64(log_prob[:, 0])) * cells)
  # What lies within 1e-5 of a face is left out.
  beyond = np.arctanh(1 - 1e-5)
  kept = np.prod(
    stats.norm.cdf(beyond, mean, scale) - stats.norm.cdf(-beyond, mean, scale)
  )
  assert total == pytest.approx(kept, abs=0.01)


@_settings(20)
@hypothesis.given(mean=_MEANS, scale=_SCALES)
def test_a_clipped_density_is_the_gaussian_s(mean, scale):
  rng = np.random.default_rng(0)
  action = rng.uniform(_BOX.low, _BOX.high, (50, 1, 2))
  expected = _gaussian_of(action, mean, scale) - np.log(_HALF).sum()
  log_prob = _make(networks_lib.ClippedGaussian, mean, scale).log_prob(
    jnp.asarray(action, jnp.float32)
  )
  np.testing.assert_allclose(log_prob, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('kind', _KINDS)
def test_sampling_and_evaluating_agree(kind):
  # So narrow that neither clips, and float32 can invert the tanh.
  distribution = _make(kind, [0.3, -0.4], [0.1, 0.15])
  action, log_prob = distribution.sample_and_log_prob(
    seed=jax.random.PRNGKey(0), sample_shape=(200,)
  )
  assert action.shape == (200, 1, 2)
  assert log_prob.shape == (200, 1)
  np.testing.assert_allclose(
    distribution.log_prob(action), log_prob, rtol=1e-3, atol=1e-3
  )
  np.testing.assert_array_equal(
    distribution.sample(seed=jax.random.PRNGKey(0), sample_shape=(200,)), action
  )


@pytest.mark.parametrize('kind', _KINDS)
def test_samples_have_the_distribution_and_stay_in_the_box(kind):
  mean, scale = np.array([0.9, -0.5]), np.array([0.6, 0.4])
  action = np.asarray(
    _make(kind, mean, scale).sample(
      seed=jax.random.PRNGKey(1), sample_shape=(4000,)
    )
  )[:, 0]
  assert np.all((action >= _BOX.low) & (action <= _BOX.high))
  symmetric = (action - _CENTRE) / _HALF
  squashed = kind is networks_lib.SquashedGaussian
  for i in range(2):
    gaussian = stats.norm(mean[i], scale[i])
    for level in (-0.7, 0.0, 0.8):
      point = np.arctanh(level) if squashed else level
      share = np.mean(symmetric[:, i] <= level)
      assert share == pytest.approx(gaussian.cdf(point), abs=0.03)
    at_bound = 0.0 if squashed else gaussian.sf(1.0)
    assert np.mean(symmetric[:, i] == 1.0) == pytest.approx(at_bound, abs=0.03)


@pytest.mark.parametrize('kind', _KINDS)
def test_densities_and_gradients_are_finite_on_the_closed_box(kind):
  corners = np.stack([_BOX.low, _BOX.high, _CENTRE]).astype(np.float32)[:, None]

  def total(mean, scale):
    return jnp.sum(kind(mean, scale, _BOX).log_prob(jnp.asarray(corners)))

  moments = jnp.array([[3.0, -3.0]]), jnp.array([[0.3, 0.3]])
  value, gradients = jax.value_and_grad(total, argnums=(0, 1))(*moments)
  assert np.isfinite(value)
  assert all(np.all(np.isfinite(part)) for part in gradients)


@pytest.mark.parametrize('kind', _KINDS)
def test_samples_move_with_the_parameters(kind):
  """da / dmu = T', and da / dsigma = T' eta, at every sample."""
  mean, scale = jnp.array([[0.7, -0.2]]), jnp.array([[0.5, 0.3]])
  key = jax.random.PRNGKey(2)

  def draw(mean, scale):
    return kind(mean, scale, _BOX).sample(seed=key, sample_shape=(50,))

  ones = jnp.ones((1, 2))
  zeros = jnp.zeros((1, 2))
  action, by_mean = jax.jvp(draw, (mean, scale), (ones, zeros))
  _, by_scale = jax.jvp(draw, (mean, scale), (zeros, ones))
  noise = np.asarray(jax.random.normal(key, (50, 1, 2)))
  point = np.asarray(mean) + np.asarray(scale) * noise
  if kind is networks_lib.SquashedGaussian:
    slope = 1.0 - np.tanh(point) ** 2
  else:
    slope = np.where(np.abs(point) < 1.0, 1.0, 0.0)
    assert slope.min() == 0.0
  np.testing.assert_allclose(by_mean, _HALF * slope, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(
    by_scale, _HALF * slope * noise, rtol=1e-4, atol=1e-4
  )
  squashed = np.tanh(point) if slope.min() else np.clip(point, -1.0, 1.0)
  np.testing.assert_allclose(
    action, _CENTRE + _HALF * squashed, rtol=1e-5, atol=1e-5
  )


def test_the_relative_entropy_is_that_of_the_squashed_actions():
  one = _make(networks_lib.SquashedGaussian, [0.3, -0.4], [0.5, 0.4])
  other = _make(networks_lib.SquashedGaussian, [0.0, 0.1], [0.7, 0.6])
  action, log_prob = one.sample_and_log_prob(
    seed=jax.random.PRNGKey(3), sample_shape=(20_000,)
  )
  estimate = jnp.mean(log_prob - other.log_prob(action))
  [exact] = one.relative_entropy(other)
  assert float(exact) == pytest.approx(float(estimate), abs=0.02)
  assert float(one.relative_entropy(one)[0]) == 0.0


@pytest.mark.parametrize(
  ('config', 'image'),
  [
    (networks_lib.ClippedGaussianConfig((8,), 0.5, 0.2, 0.9), lambda x: x),
    (networks_lib.SquashedGaussianConfig((8,), 0.5, 0.2, 0.9), np.tanh),
  ],
)
def test_mean_and_scale_at_first_and_later(config, image, perturb):
  network = hk.without_apply_rng(
    hk.transform(
      lambda obs: networks_lib.ConditionalGaussian(_BOX, config)(obs)
    )
  )
  observation = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
  centre = jnp.asarray(np.tile(_CENTRE, (5, 1)), jnp.float32)

  @jax.jit
  def describe(params):
    gaussian = network.apply(params, observation)
    density = gaussian.log_prob(centre)
    return gaussian.mode(), density, gaussian._mean, gaussian._scale

  params = jax.jit(network.init)(jax.random.PRNGKey(0), observation)
  mode, log_prob, _, _ = describe(params)
  np.testing.assert_array_equal(mode, centre)
  expected = -np.log(0.5 * np.sqrt(2 * np.pi) * _HALF).sum()
  np.testing.assert_allclose(log_prob, np.full(5, expected), rtol=1e-5)
  # Whatever the parameters, exploration stays, and depends on the observation.
  mode, _, mean, scale = describe(perturb(params, jax.random.PRNGKey(1), 3.0))
  assert 0.2 <= scale.min() < 0.4
  assert 0.7 < scale.max() <= 0.9
  assert np.ptp(np.asarray(mode), axis=0).min() > 0.01
  np.testing.assert_allclose(
    mode, _CENTRE + _HALF * image(np.asarray(mean)), atol=1e-4
  )


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'min_scale': 0.0}, 'min_scale must be positive'),
    ({'initial_scale': 0.1}, 'min_scale < initial_scale < max_scale'),
    ({'max_scale': 0.7}, 'min_scale < initial_scale < max_scale'),
    ({'hidden_sizes': (0,)}, 'hidden_sizes must be whole numbers'),
  ],
)
def test_options_of_no_sense_are_refused(options, message):
  with pytest.raises(ValueError, match=message):
    networks_lib.ClippedGaussianConfig(**options)
