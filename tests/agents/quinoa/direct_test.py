"""Tests of learning by the TD loss on Q = V + alpha D alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update as update_lib
from quinoa_acme.networks.flows import energy
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import specs

_SMALL = networks_lib.EnergyFlowConfig(hidden_sizes=(16,))


@pytest.fixture(scope='module')
def config(tiny_config):
  return dataclasses.replace(
    tiny_config,
    flow=_SMALL,
    fit=quinoa.DirectFit(proximity=0.3),
    returns=quinoa.OneStep(),
    temperature=quinoa.FixedTemperature(0.2),
    target=quinoa.Polyak(0.1),
  )


def _state(networks, config, batch, seed=0):
  return training_state.make_initial_state(
    networks,
    config,
    jax.random.PRNGKey(seed),
    batch.observation,
    batch.action,
  )


def _some_steps(networks, config, batch, count=3):
  """States before and after each of so many steps, and the last metrics."""
  step = jax.jit(update_lib.make_update_step(networks, config))
  states, metrics = [_state(networks, config, batch)], {}
  for _ in range(count):
    state, metrics, finite = step(states[-1], batch)
    assert finite.all()
    states.append(state)
  return states, metrics


def test_the_target_network_may_be_evaluated(make_spec, make_batch, as_samples):
  config = quinoa.QuinoaConfig(
    flow=networks_lib.RealNVPConfig(num_couplings=2, hidden_sizes=(8,)),
    value_hidden_sizes=(8,),
    fit=quinoa.DirectFit(),
    returns=quinoa.OneStep(),
    target=quinoa.CopyEvery(100),
    evaluation_network=quinoa.TargetNetwork(),
    batch_size=16,
    num_sgd_steps_per_step=1,
  )
  spec = make_spec()
  agent = quinoa.QuinoaAgent(config)
  networks = agent.make_networks(spec)
  learner = quinoa.QuinoaLearner(
    networks,
    config,
    jax.random.PRNGKey(0),
    as_samples([make_batch(spec, 16)]),
  )
  learner.step()
  state = learner.save()
  where = agent.saved_policy(networks)
  [acting, served] = learner.get_variables(['policy', where.variables])
  saved = where.as_params(
    where.like._replace(target=state.target, temperature=state.temperature)
  )
  for policy in (served, saved):
    jax.tree_util.tree_map(
      np.testing.assert_array_equal, policy.params, state.target.policy
    )
  jax.tree_util.tree_map(
    np.testing.assert_array_equal, acting.params, state.params.policy
  )
  left, right = map(jax.tree_util.tree_leaves, (acting.params, served.params))
  assert any(np.any(x != y) for x, y in zip(left, right, strict=True))


def test_critics_have_no_policy_in_their_target_network():
  with pytest.raises(ValueError, match='needs a target network of the policy'):
    quinoa.QuinoaConfig(evaluation_network=quinoa.TargetNetwork())


def test_the_preset_has_one_loss_and_no_critic(make_spec, make_batch):
  config = quinoa.QuinoaConfig.direct()
  networks = quinoa.QuinoaAgent(config).make_networks(make_spec())
  batch = make_batch(make_spec(), config.batch_size, 0, config.window)
  (first, last), metrics = _some_steps(networks, config, batch, count=1)
  assert not jax.tree_util.tree_leaves((last.params.value, last.params.critics))
  assert not {'critic_loss', 'policy_loss', 'value_loss'} & set(metrics)
  np.testing.assert_allclose(
    metrics['loss'], metrics['td_loss'] + metrics['proximity_loss'], rtol=1e-6
  )
  moved = jax.tree_util.tree_map(
    lambda x, y: np.abs(x - y).max(), first.params.policy, last.params.policy
  )
  # The head starts at zero: at first it alone has a gradient.
  assert moved['energy_flow/head/linear']['w'] > 1e-5


def test_what_the_loss_is(make_spec, make_networks, make_batch, config):
  networks = make_networks(make_spec(), config)
  batch = make_batch(make_spec(), 16)
  states, metrics = _some_steps(networks, config, batch)
  state = states[-2]

  def soft_q(params, action):
    variables = quinoa.PolicyVariables(params, state.temperature)
    value = networks.soft_value(variables, {}, batch.observation)
    log_prob = networks.policy.log_prob(variables, batch.observation, action)
    ratio = log_prob - networks.policy.uniform_log_prob
    return value, value + state.temperature * ratio

  slow = quinoa.PolicyVariables(state.target.policy, state.temperature)
  following = networks.soft_value(slow, {}, batch.next_observation)
  target = batch.reward + config.discount * batch.discount * following
  _, q = soft_q(state.params.policy, batch.action)
  np.testing.assert_allclose(
    metrics['td_loss'], np.mean(np.square(target - q)), rtol=1e-4
  )
  # The fresh actions are those that the step drew.
  _, sample_key, _ = jax.random.split(state.key, 3)
  action, _ = networks.policy.draw(
    training_state.policy_of(state), sample_key, batch.observation, 1
  )
  _, near = soft_q(state.params.policy, action[0])
  _, slow_near = soft_q(state.target.policy, action[0])
  assert np.abs(near - slow_near).max() > 1e-3
  np.testing.assert_allclose(
    metrics['proximity_loss'],
    0.3 * np.mean(np.square(near - slow_near)),
    rtol=1e-3,
  )


def test_traces_and_weights_are_those_of_the_replayed_actions(
  make_spec, make_networks, make_batch, config
):
  config = dataclasses.replace(
    config,
    returns=quinoa.SoftReturn(3, trace=quinoa.CutTrace(0.3)),
    fit=quinoa.DirectFit(weights=quinoa.LikelihoodWeights(0.2, least=0.3)),
  )
  networks = make_networks(make_spec(), config)
  batch = make_batch(make_spec(), 16, 0, config.window)
  states, metrics = _some_steps(networks, config, batch, count=8)
  state, later = states[-2], batch.extras
  variables = training_state.policy_of(state)

  def look(params, observation, action):
    variables = quinoa.PolicyVariables(params, state.temperature)
    log_prob = networks.policy.log_prob(variables, observation, action)
    ratio = log_prob - networks.policy.uniform_log_prob
    return networks.soft_value(variables, {}, observation), np.asarray(ratio)

  # As the recursion has it, from the last step to the first.
  slow = quinoa.PolicyVariables(state.target.policy, state.temperature)
  rest = networks.soft_value(slow, {}, batch.next_observation)
  rest = config.discount * batch.discount * rest
  num_dimensions = networks.policy.num_dimensions
  for k in (1, 0):
    value, ratio = look(
      variables.params,
      jax.tree_util.tree_map(lambda x, k=k: x[:, k], later.observation),
      later.action[:, k],
    )
    trace = np.exp(np.minimum(ratio, 0) / (0.3 * num_dimensions))
    assert 0.05 < np.mean(trace) < 0.95
    taken = later.weight[:, k] * (
      later.reward[:, k] - state.temperature * ratio
    )
    rest = trace * (taken + rest)
    rest += (1 - trace) * later.weight[:, k] * value
  target = batch.reward + rest
  value, ratio = look(variables.params, batch.observation, batch.action)
  weights = np.exp(np.minimum(ratio, 0) / (0.2 * num_dimensions))
  weights = np.maximum(weights, 0.3)
  assert weights.min() == pytest.approx(0.3)
  q = value + state.temperature * ratio
  np.testing.assert_allclose(metrics['target_mean'], np.mean(target), rtol=1e-4)
  np.testing.assert_allclose(
    metrics['weight_mean'], np.mean(weights), rtol=1e-4
  )
  np.testing.assert_allclose(
    metrics['loss'], np.mean(weights * np.square(target - q)), rtol=1e-3
  )


def test_the_target_networks_follow_all_of_q(
  make_spec, make_networks, make_batch, config
):
  networks = make_networks(make_spec(), config)
  states, _ = _some_steps(networks, config, make_batch(make_spec(), 16), 1)
  before, after = states
  jax.tree_util.tree_map(
    lambda slow, old, new: np.testing.assert_allclose(
      slow, old + 0.1 * (new - old), atol=1e-6
    ),
    after.target.policy,
    before.target.policy,
    after.params.policy,
  )


def test_proximity_takes_no_gradient_through_the_target():
  q, slow_q = jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])
  loss, gradients = jax.value_and_grad(losses.proximity_loss, argnums=(0, 1))(
    q, slow_q
  )
  assert loss == 2.5
  np.testing.assert_allclose(gradients[0], [1.0, -2.0])
  np.testing.assert_array_equal(gradients[1], [0.0, 0.0])


def test_couplings_learn_at_a_rate_of_their_own(
  make_spec, make_networks, make_batch, config
):
  spec, batch = make_spec(), make_batch(make_spec(), 16)

  def moves(factor):
    couplings = networks_lib.TiltCouplings(
      hidden_sizes=(8,), learning_rate_factor=factor
    )
    flow = dataclasses.replace(_SMALL, couplings=couplings)
    changed = dataclasses.replace(config, flow=flow)
    networks = make_networks(spec, changed)
    (before, after), _ = _some_steps(networks, changed, batch, count=1)
    return jax.tree_util.tree_map(
      lambda x, y: np.asarray(y - x), before.params.policy, after.params.policy
    )

  slow, fast = moves(0.25), moves(1.0)
  moved = 0.0
  for module, leaves in fast.items():
    share = 0.25 if energy.is_of_couplings(module) else 1.0
    for name, move in leaves.items():
      np.testing.assert_allclose(slow[module][name], share * move, atol=1e-7)
      if share < 1:
        moved = max(moved, np.abs(move).max())
  assert moved > 1e-3


@pytest.mark.slow
def test_it_finds_the_soft_optimum_of_a_linear_bandit(make_networks, config):
  spec = specs.EnvironmentSpec(
    observations=specs.Array((1,), np.float32),
    actions=specs.BoundedArray((2,), np.float32, -1.0, 1.0),
    rewards=specs.Array((), np.float32),
    discounts=specs.BoundedArray((), np.float32, 0.0, 1.0),
  )
  config = dataclasses.replace(config, learning_rate=3e-3)
  networks = make_networks(spec, config)
  slopes, rng = np.array([0.5, -0.3]), np.random.default_rng(0)
  step = jax.jit(update_lib.make_update_step(networks, config))
  state = None
  for _ in range(1000):
    action = rng.uniform(-1, 1, (64, 2)).astype(np.float32)
    seen = np.ones((64, 1), np.float32)
    batch = types.Transition(
      observation=seen,
      action=action,
      reward=np.float32(1 + action @ slopes),
      discount=np.zeros(64, np.float32),
      next_observation=seen,
    )
    state = _state(networks, config, batch) if state is None else state
    state, _, _ = step(state, batch)
  variables = training_state.policy_of(state)
  # V = 1 + alpha sum log mean exp(slope a / alpha) over a in [-1, 1].
  tilts = slopes / 0.2
  expected = 1 + 0.2 * np.sum(np.log(np.sinh(tilts) / tilts))
  [value] = networks.soft_value(variables, {}, np.ones((1, 1), np.float32))
  assert value == pytest.approx(expected, abs=0.01)
  actions, _ = networks.policy.draw(
    variables, jax.random.PRNGKey(0), np.ones((1, 1), np.float32), 20_000
  )
  means = 1 / np.tanh(tilts) - 1 / tilts
  np.testing.assert_allclose(np.mean(actions[:, 0], axis=0), means, atol=0.02)


def test_the_value_network_of_a_flow_that_gives_v_is_not_asked(
  make_spec, make_networks, make_batch, config
):
  networks = make_networks(make_spec(), config)
  batch = make_batch(make_spec(), 4)
  assert networks.value.init(jax.random.PRNGKey(0), batch.observation) == {}
  with pytest.raises(ValueError, match=r'QuinoaNetworks\.soft_value'):
    networks.value.apply({}, batch.observation)


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'proximity': -0.1}, 'proximity must be finite and >= 0, but is -0.1'),
    ({'num_actions': 0}, 'num_actions must be a whole number of at least 1'),
  ],
)
def test_a_fit_that_cannot_be_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    quinoa.DirectFit(**options)


def test_a_held_q_needs_several_actions(config):
  held = quinoa.HeldQTemperature(0.1)
  with pytest.raises(ValueError, match=r'DirectFit draws 1: .*num_actions=8'):
    dataclasses.replace(config, temperature=held)
  dataclasses.replace(
    config, temperature=held, fit=quinoa.DirectFit(num_actions=8)
  )
