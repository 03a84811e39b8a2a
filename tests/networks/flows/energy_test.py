"""Tests of the energy flow: an exact density, and a soft value that fits it."""

import densities
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.networks.flows import energy

_TILT = networks_lib.TiltCouplings(hidden_sizes=(8,))
_AFFINE = networks_lib.AffineCouplings(hidden_sizes=(8,))
_COUPLINGS = [networks_lib.NoCouplings(), _TILT, _AFFINE]
_TEMPERATURE = jnp.float32(0.1)


def _make(couplings, dims, num_samples=64):
  config = networks_lib.EnergyFlowConfig((8,), couplings=couplings)

  def module(box):
    flow = networks_lib.ConditionalEnergyFlow(box, config)
    return lambda observation: flow(observation, _TEMPERATURE)

  return densities.make(module, densities.BOXES[dims], num_samples)


def _perturbed(density, perturb, size=0.1):
  return perturb(densities.init(density, 0), jax.random.PRNGKey(3), size)


@pytest.mark.parametrize('couplings', _COUPLINGS)
@pytest.mark.parametrize('dims', [1, 3])
def test_it_is_uniform_at_first(couplings, dims):
  density = _make(couplings, dims)
  # Logits do not add up to the bit.
  atol = 2e-5 if couplings == _AFFINE else 0.0
  densities.check_uniform(density, densities.init(density, 0), atol)


@pytest.mark.parametrize('couplings', _COUPLINGS)
@pytest.mark.parametrize('dims', [1, 3])
def test_sampling_and_evaluation_give_one_density(perturb, couplings, dims):
  density = _make(couplings, dims)
  params = _perturbed(density, perturb)
  densities.check_one_density(density, params, atol=2e-3)
  densities.check_draws(density, params, rtol=2e-3)
  densities.check_finite(density, params)


@pytest.mark.parametrize('couplings', _COUPLINGS)
@pytest.mark.parametrize('dims', [1, 2])
def test_the_density_integrates_to_one(perturb, couplings, dims):
  density = _make(couplings, dims)
  densities.check_integral(density, _perturbed(density, perturb), atol=0.01)


def _soft_q(couplings=networks_lib.NoCouplings(), dims=2):
  """V and Q = V + alpha D as functions of parameters, state and actions."""
  config = networks_lib.EnergyFlowConfig((8,), couplings=couplings)
  box = densities.BOXES[dims]

  def functions(observation, action, temperature):
    flow = networks_lib.ConditionalEnergyFlow(box, config)
    density = flow(observation, temperature)
    log_ratio = density.log_prob(action) + box.log_volume
    value = density.soft_value
    q = jnp.broadcast_to(value, log_ratio.shape) + temperature * log_ratio
    return value, q

  return box, hk.without_apply_rng(hk.transform(functions))


def _grid(box, count):
  centres = (np.arange(count) + 0.5) / count
  axes = np.meshgrid(*box.num_dimensions * [centres], indexing='ij')
  unit = np.stack(axes, axis=-1).reshape(-1, 1, box.num_dimensions)
  return np.float32(box.low + (box.high - box.low) * unit)


@pytest.mark.parametrize('temperature', [0.02, 0.3, 10.0])
def test_without_couplings_q_is_linear_and_keeps_still(perturb, temperature):
  box, soft_q = _soft_q()
  observation, actions = densities.observations(0), _grid(box, 5)
  actions = np.repeat(actions, len(observation), axis=1)
  params = soft_q.init(jax.random.PRNGKey(0), observation, actions, 1.0)
  params = perturb(params, jax.random.PRNGKey(1), 0.1)
  _, q = soft_q.apply(params, observation, actions, jnp.float32(temperature))
  # Of the centre and the ends of each axis, Q of any action follows.
  unit = (actions[:, 0] - box.low) / (box.high - box.low)
  features = np.concatenate([np.ones((len(unit), 1)), unit], axis=1)
  fitted = features @ np.linalg.lstsq(features, np.float64(q), rcond=None)[0]
  assert np.ptp(q) > 0.5
  np.testing.assert_allclose(q, fitted, atol=1e-3 * np.ptp(q))
  # The temperature moves policy and value, and not Q.
  _, other = soft_q.apply(params, observation, actions, jnp.float32(1.0))
  np.testing.assert_allclose(q, other, atol=1e-3 * np.ptp(q))


@pytest.mark.parametrize('temperature', [0.1, 1.0])
def test_the_soft_value_is_the_soft_maximum_of_q(perturb, temperature):
  box, soft_q = _soft_q()
  observation, actions = densities.observations(0, size=3), _grid(box, 300)
  actions = np.repeat(actions, 3, axis=1)
  params = soft_q.init(jax.random.PRNGKey(0), observation, actions, 1.0)
  params = perturb(params, jax.random.PRNGKey(1), 0.1)
  value, q = soft_q.apply(
    params, observation, actions, jnp.float32(temperature)
  )
  scaled = np.float64(q) / temperature
  peak = scaled.max(axis=0)
  expected = temperature * (peak + np.log(np.exp(scaled - peak).mean(axis=0)))
  np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('couplings', [_TILT, _AFFINE])
def test_couplings_correlate_dimensions(perturb, couplings):
  box, soft_q = _soft_q(couplings)
  observation, actions = densities.observations(0, size=1), _grid(box, 9)
  params = soft_q.init(jax.random.PRNGKey(0), observation, actions, 1.0)
  params = perturb(params, jax.random.PRNGKey(1), 0.5)
  _, q = soft_q.apply(params, observation, actions, _TEMPERATURE)
  table = np.reshape(q, (9, 9))
  # What is left of a sum of functions of one dimension each.
  rest = (
    table
    - table.mean(0, keepdims=True)
    - table.mean(1, keepdims=True)
    + table.mean()
  )
  assert np.abs(rest).max() > 0.01


def test_a_tilt_stays_within_its_bound(perturb):
  config = networks_lib.EnergyFlowConfig((8,), max_tilt=2.0)
  density = densities.make(
    lambda box: (
      lambda observation: networks_lib.ConditionalEnergyFlow(box, config)(
        observation, jnp.float32(1e-4)
      )
    ),
    densities.BOXES[1],
  )
  params = _perturbed(density, perturb, 1.0)
  box = density.box
  ends = np.stack([box.low, box.high])[:, None]
  ends = np.repeat(ends, 16, axis=1)
  low, high = density.log_prob(params, densities.observations(0), ends)
  assert 1.0 < np.abs(high - low).max() <= 2.0 + 1e-5


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda: networks_lib.EnergyFlowConfig((0,)), 'hidden_sizes must be whole'),
    (lambda: networks_lib.EnergyFlowConfig(max_tilt=0.0), 'max_tilt must be'),
    (lambda: networks_lib.TiltCouplings(num_couplings=1), 'at least 2'),
    (lambda: networks_lib.TiltCouplings(max_tilt=-1.0), 'max_tilt must be'),
    (
      lambda: networks_lib.AffineCouplings(learning_rate_factor=0.0),
      'learning_rate_factor must be positive',
    ),
    (lambda: networks_lib.AffineCouplings(max_shift=0.0), 'max_shift must be'),
  ],
)
def test_a_shape_that_cannot_be_is_refused(make, message):
  with pytest.raises(ValueError, match=message):
    make()


def test_modules_of_couplings_are_told_by_their_names():
  density = _make(_TILT, 3)
  modules = densities.init(density, 0)
  of_couplings = [name for name in modules if energy.is_of_couplings(name)]
  assert len(of_couplings) == 2 * 3
  assert not any('trunk' in name or 'head' in name for name in of_couplings)
