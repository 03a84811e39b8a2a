"""Tests of one update step: what it learns, copies and tells."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import learning
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update as update_lib


def _assert_equal(left, right):
  jax.tree_util.tree_map(np.testing.assert_array_equal, left, right)


def _distance(left, right) -> float:
  distances = jax.tree_util.tree_map(
    lambda x, y: np.max(np.abs(np.asarray(x) - np.asarray(y))), left, right
  )
  return max(jax.tree_util.tree_leaves(distances))


@pytest.fixture(scope='module')
def trajectory(networks, config, batches):
  """The states and metrics of seven steps."""
  update_step = jax.jit(update_lib.make_update_step(networks, config))
  states = [
    training_state.make_initial_state(
      networks,
      config,
      jax.random.PRNGKey(0),
      batches[0].observation,
      batches[0].action,
    )
  ]
  rows = []
  for batch in batches[:7]:
    state, metrics, _ = update_step(states[-1], batch)
    states.append(state)
    rows.append(metrics)
  return states, rows


def test_prior_and_target_are_copied_at_their_periods(trajectory):
  states, _ = trajectory
  for step, (before, after) in enumerate(itertools.pairwise(states), start=1):
    assert after.steps == step
    assert _distance(before.params, after.params) > 1e-5
    policy = quinoa.PolicyVariables(after.params.policy, after.temperature)
    _assert_equal(after.prior, policy if step % 3 == 0 else before.prior)
    _assert_equal(
      after.target,
      after.params.value if step % 2 == 0 else before.target,
    )
    assert np.any(before.key != after.key)


def test_the_metrics_say_what_they_are_named_for(trajectory, config):
  _, rows = trajectory
  for row in rows:
    assert row['value_min'] <= row['value_mean'] <= row['value_max']
    assert row['log_prob_min'] <= row['log_prob_max']
    assert row['log_ratio_min'] <= row['log_ratio_mean']
    assert 1e-4 <= row['temperature'] <= 1e4
    assert 0 <= row['share_at_bounds'] <= 1
    assert float(row['kl_over_epsilon']) == pytest.approx(
      float(row['kl']) / 0.1
    )
  first = rows[0]
  # At first Q is zero, the policy uniform, and V constant.
  assert float(first['kl']) == pytest.approx(0.0, abs=1e-6)
  assert first['value_max'] == first['value_min'] == 0.0
  # Elements of a batch may be rounded in different ways.
  assert float(first['log_prob_max']) == pytest.approx(
    float(first['log_prob_min']), rel=1e-6
  )
  assert float(first['temperature']) == pytest.approx(1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
  'prior', [quinoa.UniformPrior(), quinoa.LaggedPrior(quinoa.Polyak(0.005))]
)
def test_the_loss_falls_on_a_fixed_batch(networks, config, batches, prior):
  config = dataclasses.replace(
    config,
    temperature=quinoa.FixedTemperature(0.5),
    prior=prior,
    target=quinoa.Polyak(0.005),
    discount=0.5,
  )
  update = jax.jit(
    learning.make_scanned_update(
      update_lib.make_update_step(networks, config), 50
    )
  )
  batch = batches[0]
  repeated = jax.tree_util.tree_map(
    lambda x: np.tile(x, (50,) + (1,) * (x.ndim - 1)), batch
  )
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  losses = []
  for _ in range(6):
    state, metrics, _ = update(state, repeated)
    losses.append(float(metrics['loss']))
  assert losses[-1] < 0.3 * losses[0]
  assert bool(state.prior) == isinstance(prior, quinoa.LaggedPrior)


def test_scaled_rewards_are_learnt_as_such(networks, config, batches):
  config = dataclasses.replace(
    config, temperature=quinoa.FixedTemperature(0.5), discount=0.5
  )
  scaled = dataclasses.replace(config, reward_scale=3.0)
  batch = batches[0]
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  expected, metrics, _ = jax.jit(update_lib.make_update_step(networks, config))(
    state, batch._replace(reward=3.0 * batch.reward)
  )
  found, scaled_metrics, _ = jax.jit(
    update_lib.make_update_step(networks, scaled)
  )(state, batch)
  assert _distance(found.params, expected.params) < 1e-6
  assert float(scaled_metrics['target_mean']) == pytest.approx(
    float(metrics['target_mean']), rel=1e-5
  )


@pytest.mark.slow
def test_polyak_averages_move_by_their_rate(networks, config, batches):
  rate = 0.25
  config = dataclasses.replace(
    config,
    prior=quinoa.LaggedPrior(quinoa.Polyak(rate)),
    target=quinoa.Polyak(rate),
  )
  batch = batches[0]
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  after, _, _ = jax.jit(update_lib.make_update_step(networks, config))(
    state, batch
  )
  for slow, old, online in (
    (after.target, state.target, after.params.value),
    (after.prior.params, state.prior.params, after.params.policy),
  ):
    expected = jax.tree_util.tree_map(
      lambda x, y: (1 - rate) * x + rate * y, old, online
    )
    assert _distance(slow, expected) < 1e-6
    assert _distance(slow, old) > 1e-4


@pytest.mark.slow
def test_critics_learn_beside_the_fit(
  make_spec, make_networks, tiny_config, batches
):
  """Critics take the TD target, and V + alpha D follows them."""
  config = dataclasses.replace(
    tiny_config,
    returns=quinoa.OneStep(),
    temperature=quinoa.FixedTemperature(0.5),
    target=quinoa.Polyak(0.25),
    fit=quinoa.CriticFit(hidden_sizes=(16,), num_actions=4, learning_rate=1e-2),
  )
  networks = make_networks(make_spec(), config)
  batch = batches[0]._replace(discount=np.zeros(16, np.float32))
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  # The two start apart, or they would stay equal for ever.
  first, second = (
    jax.tree_util.tree_map(lambda x, i=i: x[i], state.params.critics)
    for i in range(2)
  )
  assert _distance(first, second) > 1e-2
  update_step = update_lib.make_update_step(networks, config)
  after, _, _ = jax.jit(update_step)(state, batch)
  expected = jax.tree_util.tree_map(
    lambda x, y: 0.75 * x + 0.25 * y, state.target, after.params.critics
  )
  assert _distance(after.target, expected) < 1e-6

  update = jax.jit(learning.make_scanned_update(update_step, 100))
  repeated = jax.tree_util.tree_map(
    lambda x: np.tile(x, (100,) + (1,) * (x.ndim - 1)), batch
  )
  rows = []
  for _ in range(8):
    state, metrics, finite = update(state, repeated)
    rows.append(metrics)
    assert all(np.all(x) for x in jax.tree_util.tree_leaves(finite))
  # With discount 0 the reward is all that there is to learn.
  assert rows[-1]['critic_loss'] < 0.2 * rows[0]['critic_loss']
  for name in ('value_loss', 'policy_loss'):
    assert rows[-1][name] < 0.5 * max(row[name] for row in rows)
  parts = ('critic_loss', 'policy_loss', 'value_loss')
  assert float(rows[0]['loss']) == pytest.approx(
    float(sum(rows[0][name] for name in parts)), rel=1e-4
  )


@pytest.mark.slow
@pytest.mark.parametrize(
  'fit', [quinoa.DirectFit(), quinoa.CriticFit(hidden_sizes=(8,))]
)
def test_conservatism_makes_the_data_likely(
  make_spec, make_networks, tiny_config, windows, fit
):
  networks = make_networks(make_spec(), tiny_config)
  batch = windows[0]
  likelihoods = []
  for conservatism in (0.0, 10.0):
    config = dataclasses.replace(
      tiny_config, fit=fit, conservatism=conservatism
    )
    state = training_state.make_initial_state(
      networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
    )
    update = jax.jit(update_lib.make_update_step(networks, config))
    for _ in range(30):
      state, metrics, _ = update(state, batch)
    assert ('conservative_loss' in metrics) == bool(conservatism)
    log_prob = networks.policy.log_prob(
      training_state.policy_of(state), batch.observation, batch.action
    )
    likelihoods.append(float(jnp.mean(log_prob)))
  assert likelihoods[1] > likelihoods[0] + 0.5


_DIRECT, _CRITICS = quinoa.DirectFit(), quinoa.CriticFit(hidden_sizes=(8,))
_AFFINE = networks_lib.RealNVPConfig(2, hidden_sizes=(8,))
_TILTED = networks_lib.TiltedFlowConfig(2, hidden_sizes=(8,))
_ADDITIVE = networks_lib.AdditiveFlowConfig(2, hidden_sizes=(8,))
_SPLINE = networks_lib.SplineFlowConfig(2, hidden_sizes=(8,), num_bins=4)
_LAGGED = quinoa.LaggedPrior(quinoa.Polyak(0.1), flatness=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
  ('fit', 'flow', 'prior', 'temperature'),
  [
    (_DIRECT, _TILTED, _LAGGED, quinoa.DualTemperature(0.1)),
    (_DIRECT, _TILTED, quinoa.UniformPrior(), quinoa.MultiplierTemperature()),
    (_CRITICS, _AFFINE, _LAGGED, quinoa.DualTemperature(0.1)),
    (_CRITICS, _TILTED, _LAGGED, quinoa.MultiplierTemperature(initial=0.1)),
    (_CRITICS, _TILTED, _LAGGED, quinoa.HeldQTemperature(initial=0.1)),
    (_CRITICS, _AFFINE, quinoa.UniformPrior(), quinoa.FixedTemperature(0.1)),
    (_CRITICS, _SPLINE, quinoa.UniformPrior(), quinoa.FixedTemperature(0.1)),
    (_CRITICS, _ADDITIVE, _LAGGED, quinoa.MultiplierTemperature(initial=0.1)),
  ],
)
def test_the_options_go_together(
  make_spec, make_networks, tiny_config, windows, fit, flow, prior, temperature
):
  config = dataclasses.replace(
    tiny_config, fit=fit, flow=flow, prior=prior, temperature=temperature
  )
  networks = make_networks(make_spec(), config)
  batch = windows[0]
  state = first = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  update_step = jax.jit(update_lib.make_update_step(networks, config))
  for batch in windows:
    state, _, finite = update_step(state, batch)
    assert finite.all()
  assert _distance(state.params.policy, first.params.policy) > 1e-4
  assert _distance(state.params.value, first.params.value) > 1e-4
  assert bool(state.prior) == (prior is _LAGGED)
