"""Tests of the regression by which flows are judged."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.lib import advantages
from experiments.lib import random_data
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update
from quinoa_acme.networks.flows import additive
from quinoa_acme.networks.flows import energy
from quinoa_acme.networks.flows import real_nvp
from quinoa_acme.networks.flows import tilted

_SPEC = random_data.SPEC
_TEMPERATURE = 0.1
_SMALL_ENERGY = energy.EnergyFlowConfig(hidden_sizes=(16,))
_SMALL_TILT = dataclasses.replace(
  _SMALL_ENERGY, couplings=energy.TiltCouplings(hidden_sizes=(8,))
)
_SMALL_TILTED = tilted.TiltedFlowConfig(num_couplings=2, hidden_sizes=(8,))
_SMALL_REAL_NVP = real_nvp.RealNVPConfig(num_couplings=2, hidden_sizes=(8,))


def _draw(*shape, low=-1.0, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(low, 1.0, shape).astype(np.float32)


def _regressor(flow, learning_rate=1e-3):
  config = dataclasses.replace(
    quinoa.QuinoaConfig.direct(),
    flow=flow,
    value_hidden_sizes=(16,),
    learning_rate=learning_rate,
  )
  temperature = jnp.asarray(_TEMPERATURE)
  return advantages.make_direct(_SPEC, config, temperature)


def _init(regressor, observation, action):
  return jax.jit(regressor.init)(jax.random.PRNGKey(0), observation, action)


def _setting(target_of) -> advantages.Setting:
  """A setting whose targets are `target_of(observation, action)`."""

  def targets(num_rows, seed):
    observation = _draw(num_rows, 24, seed=seed)
    action = _draw(num_rows, 6, seed=seed + 1)
    target = np.asarray(target_of(observation, action))
    return advantages.Targets(observation, action, target)

  observation = _draw(32, 24, seed=4)
  drawn, visited = (
    advantages.Drawn(observation, _draw(k, 32, 6, seed=5), np.zeros((k, 32)))
    for k in (8, 1)
  )
  return advantages.Setting(
    temperature=jnp.asarray(_TEMPERATURE),
    fitted=targets(2000, 0),
    held_out=targets(200, 2),
    drawn=drawn,
    uniform_action=_draw(8, 32, 6, seed=6),
    visited=visited,
    discounted_return=0.0,
    soft_return=0.0,
  )


def test_correlations_of_known_arrays():
  x = np.array([[0.0, 1.0], [2.0, 5.0]])
  y = np.array([[1.0, 0.0], [3.0, 4.0]])
  expected = np.corrcoef(x.ravel(), y.ravel())[0, 1]
  assert advantages.correlation(x, y) == pytest.approx(expected)
  assert advantages.correlation(x, 3.0 - 2.0 * x) == pytest.approx(-1.0)
  # Advantages that are all the same rank nothing.
  assert np.isnan(advantages.correlation(np.ones(4), y))


def test_what_a_state_is_worth_is_no_part_of_an_advantage():
  q = _draw(8, 32)
  of_states = 100.0 * _draw(32, seed=1)
  found = advantages.advantages(q + of_states)
  np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-5)
  np.testing.assert_allclose(found, advantages.advantages(q), atol=1e-4)


def test_critics_agree_as_far_as_their_noise_lets_them():
  truth = np.random.default_rng(0).normal(size=(16, 4000))
  noise = np.random.default_rng(1).normal(size=(3, 16, 4000))
  assert advantages.agreement([truth] * 3) == pytest.approx(1.0)
  # One has the variance 1 + 1, the mean of two others 1 + 1/2, and what they
  # have in common 1.
  found = advantages.agreement(list(truth + noise))
  assert found == pytest.approx(1.0 / np.sqrt(2.0 * 1.5), abs=0.01)


def test_returns_of_the_last_steps_of_a_cut_episode_are_left_off():
  rewards = np.array([1.0, 2.0, 4.0])
  whole = advantages.returns_to_go(rewards, 0.5, was_cut=False, left_off=2)
  assert whole.tolist() == [3.0, 4.0, 4.0]
  cut = advantages.returns_to_go(rewards, 0.5, was_cut=True, left_off=2)
  assert cut.tolist() == [3.0]
  assert advantages.returns_to_go(rewards, 0.5, was_cut=True).size == 0


def test_saturation_is_a_share_of_the_variance():
  inner = np.array([[0.5, 0.995], [0.5, 0.5], [0.005, 0.5], [0.02, 0.98]])
  # The squares about the mean are 9, 1, 1 and 9.
  log_ratio = np.array([-3.0, -1.0, 1.0, 3.0])
  variance, actions = advantages.saturation(log_ratio, inner)
  assert (variance, actions) == (pytest.approx(0.5), 0.5)
  assert np.isnan(advantages.saturation(np.ones(4), inner)[0])


def _tilt_steeply(path, leaf):
  """Puts the same large number into each bias of an output."""
  is_output = 'output' in jax.tree_util.keystr(path)
  return leaf + 20.0 * _TEMPERATURE if is_output and leaf.ndim == 1 else leaf


@pytest.mark.parametrize(
  'flow', [_SMALL_TILTED, _SMALL_REAL_NVP, _SMALL_TILT], ids=str
)
def test_the_inner_coordinates_of_the_identity_are_the_action(flow):
  regressor = _regressor(flow)
  observation, action = _draw(64, 24), _draw(64, 6, seed=1)
  params = _init(regressor, observation, action)
  assert regressor.inner is not None
  inner = jax.jit(regressor.inner)(params, observation, action)
  np.testing.assert_allclose(inner, (action + 1.0) / 2.0, atol=1e-5)


def test_a_steep_flow_saturates_its_inner_coordinates():
  regressor = _regressor(_SMALL_TILTED)
  observation, action = _draw(64, 24), _draw(64, 6, seed=1)
  params = _init(regressor, observation, action)
  params = jax.tree_util.tree_map_with_path(_tilt_steeply, params)
  assert regressor.inner is not None
  inner = np.asarray(jax.jit(regressor.inner)(params, observation, action))
  unit = (action + 1.0) / 2.0
  # Each dimension is moved once, by a tilt of 20 within its bound.
  steep = 50.0 * np.tanh(20.0 / 50.0)
  expected = np.expm1(steep * unit) / np.expm1(steep)
  np.testing.assert_allclose(inner, expected, atol=1e-3)
  log_ratio = np.sum(steep * unit, axis=1)
  variance, actions = advantages.saturation(log_ratio, inner)
  assert variance > 0.99
  assert actions > 0.99


def test_the_base_of_an_energy_flow_is_no_inner_coordinate():
  """No network sees where the base alone takes an action, however steep."""
  assert _regressor(_SMALL_ENERGY).inner is None
  assert _regressor(additive.AdditiveFlowConfig()).inner is None
  regressor = _regressor(_SMALL_TILT)
  observation, action = _draw(64, 24), _draw(64, 6, seed=1)
  params = _init(regressor, observation, action)
  params = jax.tree_util.tree_map_with_path(
    lambda path, leaf: (
      leaf + 50.0 * _draw(*leaf.shape)
      if 'head' in jax.tree_util.keystr(path)
      else leaf
    ),
    params,
  )
  assert regressor.inner is not None
  inner = jax.jit(regressor.inner)(params, observation, action)
  np.testing.assert_allclose(inner, (action + 1.0) / 2.0, atol=1e-5)


@pytest.mark.parametrize('flow', [_SMALL_ENERGY, _SMALL_TILTED], ids=str)
def test_a_candidate_equal_to_the_truth_has_correlation_one(flow):
  regressor = _regressor(flow)
  params = _init(regressor, _draw(8, 24), _draw(8, 6, seed=1))
  params = jax.tree_util.tree_map(lambda x: x + 0.1 * _draw(*x.shape), params)
  setting = _setting(lambda *args: jax.jit(regressor.q)(params, *args))
  values = advantages.make_values(regressor, setting)(params)
  found = advantages.measure_flow(regressor, params, values, values, setting)
  assert found.error == pytest.approx(0.0, abs=1e-9)
  assert found.correlation_policy == pytest.approx(1.0)
  assert found.correlation_uniform == pytest.approx(1.0)
  assert np.isnan(found.saturated_variance) == (flow is _SMALL_ENERGY)
  opposite = advantages.Values(*(-x for x in values))
  found = advantages.measure(values, opposite, setting)
  assert found.correlation_policy == pytest.approx(-1.0)


def test_a_linear_energy_learns_a_linear_q():
  setting = _setting(lambda observation, action: 1.0 + action @ _draw(6))
  regressor = _regressor(_SMALL_ENERGY, learning_rate=1e-2)
  fit = advantages.make_fit(regressor, num_updates=300, batch_size=64)
  params = fit(jax.random.PRNGKey(0), setting.fitted)
  values = advantages.make_values(regressor, setting)(params)
  truth = advantages.Values(
    setting.held_out.target,
    *(
      1.0 + np.asarray(action) @ _draw(6)
      for action in (
        setting.drawn.action,
        setting.uniform_action,
        setting.visited.action,
      )
    ),
  )
  found = advantages.measure_flow(regressor, params, values, truth, setting)
  assert found.error < 0.05 * np.var(setting.held_out.target)
  assert found.correlation_uniform > 0.95


def test_a_regression_on_what_is_not_finite_is_refused():
  setting = _setting(lambda observation, action: np.full(len(action), np.nan))
  fit = advantages.make_fit(_regressor(_SMALL_ENERGY), 2, 8)
  with pytest.raises(FloatingPointError, match='not finite'):
    fit(jax.random.PRNGKey(0), setting.fitted)


def test_targets_are_those_of_an_update():
  config = quinoa.QuinoaConfig.debug()
  networks = quinoa.QuinoaAgent(config).make_networks(_SPEC)
  batch = random_data.make_batch(_SPEC, 32, config.window)
  state = jax.jit(
    lambda *args: training_state.make_initial_state(networks, config, *args)
  )(jax.random.PRNGKey(0), batch.observation, batch.action)
  target = jax.jit(lambda *args: update.td_target(networks, config, *args))(
    state, batch, jax.random.split(state.key, 3)[2]
  )
  update_step = jax.jit(update.make_update_step(networks, config))
  _, metrics, _ = update_step(state, batch)
  assert np.mean(target) == pytest.approx(float(metrics['target_mean']))
  found = advantages.make_targets(networks, config, state, batch, state.key)
  assert found.target.shape == (32,)
  # At the start Q and D are zero, so that rewards are all there is.
  np.testing.assert_allclose(found.target, target, rtol=1e-5)


@pytest.mark.parametrize(
  ('agent', 'message'),
  [
    (sac.SACConfig.debug(), 'a run of SACConfig'),
    (quinoa.QuinoaConfig.direct(), 'a run without critics'),
    (
      quinoa.QuinoaConfig(prior=quinoa.LaggedPrior(quinoa.Polyak(0.01))),
      r'a run of prior=LaggedPrior\(.*preset=with_critics',
    ),
  ],
)
def test_a_run_whose_critics_are_no_reference_is_refused(agent, message):
  with pytest.raises(ValueError, match=f'here is {message}'):
    advantages.check_agent('here', agent)
  advantages.check_agent('here', quinoa.QuinoaConfig.with_critics())
