"""Tests of the tilted flow: exact densities on the closed box."""

import itertools

import haiku as hk
import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.networks.flows import tilted
from quinoa_acme.utils import specs

_TILTS = st.floats(-60.0, 60.0, width=32)
_UNITS = np.linspace(0.0, 1.0, 101, dtype=np.float32)


def _settings(max_examples: int):
  return hypothesis.settings(
    deadline=None, max_examples=max_examples, derandomize=True
  )


@_settings(200)
@hypothesis.given(kappa=_TILTS | st.floats(-0.25, 0.25, width=32))
def test_one_tilt_against_double_precision(kappa):
  kappa = np.float64(kappa)
  expected = np.log(np.expm1(kappa) / kappa) if abs(kappa) > 1e-30 else 0.0
  kappas = jnp.full(_UNITS.shape, kappa, jnp.float32)
  normaliser = tilted.log_normaliser(kappas)
  np.testing.assert_allclose(normaliser, expected, rtol=1e-5, atol=1e-6)
  units = np.float64(_UNITS)
  if abs(kappa) > 1e-12:
    shares = np.expm1(kappa * units) / np.expm1(kappa)
  else:
    shares = units
  np.testing.assert_allclose(
    tilted.distribution(kappas, _UNITS), shares, atol=2e-6
  )


@_settings(200)
@hypothesis.given(kappa=_TILTS | st.floats(-0.25, 0.25, width=32))
def test_the_quantile_undoes_the_distribution(kappa):
  kappas = jnp.full(_UNITS.shape, kappa, jnp.float32)
  # Shares, and not points: where there is no mass, points have no share.
  points = tilted.quantile(kappas, _UNITS)
  assert np.all((points >= 0) & (points <= 1))
  assert np.all(np.diff(points) >= 0)
  np.testing.assert_allclose(
    tilted.distribution(kappas, points), _UNITS, atol=2e-5
  )


def _slopes(kappa, units):
  """What `distribution` rises by with kappa and u, in double precision."""
  with np.errstate(all='ignore'):
    density = np.exp(kappa * units) * kappa / np.expm1(kappa)
    shares = np.expm1(kappa * units) / np.expm1(kappa)
    by_kappa = units * density / kappa + shares / np.expm1(-kappa)
  near_zero = units * (units - 1) * (0.5 + kappa / 6 * (2 * units - 1))
  return np.where(abs(kappa) < 1e-3, near_zero, by_kappa), density


@_settings(100)
@hypothesis.given(kappa=_TILTS | st.floats(-0.25, 0.25, width=32))
@pytest.mark.slow
def test_the_slopes_of_a_tilt_against_double_precision(kappa):
  kappas = jnp.full(_UNITS.shape, kappa, jnp.float32)

  def slopes(function, points):
    ones = jnp.ones_like(points)
    return [
      jax.jvp(lambda x: function(x, points), (kappas,), (ones,))[1],
      jax.jvp(lambda x: function(kappas, x), (points,), (ones,))[1],
    ]

  units = jnp.asarray(_UNITS)
  if abs(kappa) < 1e-12:
    kappa = 1e-12
  by_kappa, density = _slopes(np.float64(kappa), np.float64(_UNITS))
  by_kappa_32, density_32 = slopes(tilted.distribution, units)
  np.testing.assert_allclose(by_kappa_32, by_kappa, atol=1e-5)
  np.testing.assert_allclose(density_32, density, rtol=1e-4, atol=1e-6)
  # The quantile's are those of an inverse function.
  points = tilted.quantile(kappas, units)
  by_kappa, density = _slopes(np.float64(kappa), np.float64(points))
  for slope in slopes(tilted.quantile, units):
    assert np.isfinite(slope).all()
  by_kappa_32, inverse_32 = slopes(tilted.quantile, units)
  inside = density > 1e-3
  np.testing.assert_allclose(inverse_32[inside] * density[inside], 1, rtol=1e-3)
  np.testing.assert_allclose(
    by_kappa_32[inside] * density[inside], -by_kappa[inside], atol=1e-4
  )
  slope = jax.grad(tilted.log_normaliser)(jnp.float32(kappa))
  mean = -1 / np.expm1(-kappa) - 1 / kappa if abs(kappa) > 1e-3 else 0.5
  assert slope == pytest.approx(mean, abs=1e-4)


def _make(box, num_samples=1, num_couplings=4):
  config = networks_lib.TiltedFlowConfig(num_couplings, hidden_sizes=(8,))

  def make():
    def flow(observation, temperature):
      module = networks_lib.ConditionalTiltedFlow(box, config)
      return module(observation, temperature)

    def log_prob(observation, temperature, action):
      return flow(observation, temperature).log_prob(action)

    def sample(observation, temperature):
      return flow(observation, temperature).sample_and_log_prob(
        seed=hk.next_rng_key(), sample_shape=(num_samples,)
      )

    def inverse(observation, temperature, unit):
      chain = flow(observation, temperature)._couplings
      return chain.inverse_and_log_det(unit)

    return log_prob, (log_prob, sample, inverse)

  return hk.multi_transform(make)


def _box(dims, seed=0):
  rng = np.random.default_rng(seed)
  width = np.float32(rng.choice([1e-3, 0.7, 2.0, 1e6], dims))
  low = np.float32(rng.uniform(-1.5, 0.5, dims)) * width
  return networks_lib.Box.from_spec(
    specs.BoundedArray((dims,), np.float32, low, low + width)
  )


def _observations(seed, batch=32):
  rng = np.random.default_rng(seed)
  return rng.normal(1.0, 4.0, (batch, 3)).astype(np.float32)


def _corners(box, size):
  dims = box.num_dimensions
  unit = np.array([*itertools.product([0, 1], repeat=dims)])
  unit = np.resize(unit, (size, dims))
  return np.where(unit == 1, box.high, box.low)


@pytest.mark.parametrize('dims', [1, 2, 5])
def test_it_is_exactly_uniform_at_first(dims):
  box = _box(dims)
  init, (log_prob, sample, _) = _make(box, num_couplings=2)
  key, observation = jax.random.PRNGKey(dims), _observations(dims)
  action = _corners(box, 32)
  params = init(key, observation, jnp.float32(0.1), action)
  at_corners = log_prob(params, None, observation, jnp.float32(0.1), action)
  drawn, at_samples = sample(params, key, observation, jnp.float32(0.1))
  inside = log_prob(params, None, observation, jnp.float32(0.1), drawn[0])
  uniform = np.full(32, -box.log_volume, np.float32)
  for densities in (at_corners, at_samples[0], inside):
    np.testing.assert_array_equal(densities, uniform)
  drawn = np.asarray(drawn)
  assert np.all((drawn >= box.low) & (drawn <= box.high))


@pytest.mark.parametrize('temperature', [1.0, 1e-3])
@pytest.mark.parametrize('dims', [1, 3])
def test_it_is_finite_on_the_closed_box(perturb, dims, temperature):
  box = _box(dims)
  init, (log_prob, _, _) = _make(box)
  key, observation = jax.random.PRNGKey(dims), _observations(dims)
  action, temperature = _corners(box, 32), jnp.float32(temperature)
  params = init(key, observation, temperature, action)
  params = perturb(params, key, 1.0)

  def total(params, action):
    log_probs = log_prob(params, None, observation, temperature, action)
    return jnp.sum(log_probs), log_probs

  (_, log_probs), gradients = jax.jit(
    jax.value_and_grad(total, argnums=(0, 1), has_aux=True)
  )(params, action)
  assert np.isfinite(log_probs).all()
  # Two couplings move each dimension, by at most 50 nats each (three, in one).
  least = -50 * dims * (2 if dims > 1 else 4) - box.log_volume
  assert np.min(log_probs) >= least
  for leaf in jax.tree_util.tree_leaves(gradients):
    assert np.isfinite(leaf).all()


def test_sampling_and_evaluation_give_one_density(perturb):
  box = networks_lib.Box.from_spec(
    specs.BoundedArray((3,), np.float32, -1.0, 1.0)
  )
  init, (log_prob, sample, _) = _make(box, num_samples=8)
  key, observation = jax.random.PRNGKey(0), _observations(0)
  temperature = jnp.float32(0.3)
  params = init(key, observation, temperature, _corners(box, 32))
  params = perturb(params, key, 0.3)
  drawn, given = sample(params, key, observation, temperature)
  evaluated = log_prob(params, None, observation, temperature, drawn)
  assert np.ptp(given) > 2.0
  np.testing.assert_allclose(evaluated, given, atol=2e-2)


@pytest.mark.slow
def test_the_log_determinant_is_that_of_the_jacobian(perturb):
  box = networks_lib.Box.from_spec(
    specs.BoundedArray((3,), np.float32, -1.0, 1.0)
  )
  init, (_, _, inverse) = _make(box)
  key, observation = jax.random.PRNGKey(1), _observations(1)
  temperature = jnp.float32(0.5)
  params = init(key, observation, temperature, _corners(box, 32))
  params = perturb(params, key, 0.2)
  unit = jax.random.uniform(key, (32, 3))

  def of_one(observation, unit):
    return inverse(params, None, observation[None], temperature, unit[None])

  jacobian = jax.vmap(jax.jacrev(lambda o, u: of_one(o, u)[0][0], argnums=1))(
    observation, unit
  )
  _, log_det = inverse(params, None, observation, temperature, unit)
  sign, expected = np.linalg.slogdet(np.float64(jacobian))
  np.testing.assert_array_equal(sign, 1)
  assert np.ptp(expected) > 1.0
  np.testing.assert_allclose(log_det, expected, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize('dims', [1, 2])
def test_the_density_integrates_to_one(perturb, dims):
  box = networks_lib.Box.from_spec(
    specs.BoundedArray((dims,), np.float32, -0.5, 2.0)
  )
  init, (log_prob, _, _) = _make(box)
  count = {1: 4000, 2: 400}[dims]
  centres = (np.arange(count) + 0.5) / count
  units = np.stack(
    np.meshgrid(*dims * [centres], indexing='ij'), axis=-1
  ).reshape(-1, 1, dims)
  actions = np.float32(box.low + (box.high - box.low) * units)
  cell = np.exp(box.log_volume) / len(actions)
  evaluate = jax.jit(log_prob)
  far_from_uniform = 0.0
  for seed in range(4):
    first, key = _observations(seed), jax.random.PRNGKey(seed)
    temperature = jnp.float32(0.2)
    params = init(key, first, temperature, np.zeros((32, dims), np.float32))
    params = perturb(params, key, 0.3)
    log_probs = evaluate(params, None, first[:1], temperature, actions)
    mass = np.sum(np.exp(np.float64(log_probs))) * cell
    assert mass == pytest.approx(1.0, abs=0.01)
    far_from_uniform = max(far_from_uniform, np.ptp(log_probs))
  assert far_from_uniform > 2.0


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'max_tilt': 0.0}, 'max_tilt must be positive and finite, but is 0.0'),
  ],
)
def test_a_flow_of_no_sense_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    networks_lib.TiltedFlowConfig(**options)
