"""Tests of the agent's networks, and of how it acts with them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.utils import specs

_NESTED = {
  'z': specs.Array((2, 2), np.float64, 'z'),
  'a': {'count': specs.Array((), np.int32, 'count')},
}


@pytest.mark.parametrize(('nested', 'seed'), [(False, 0), (True, 1)])
def test_q_is_identically_zero_at_first(
  make_spec, make_networks, make_batch, tiny_config, nested, seed
):
  spec = make_spec(_NESTED if nested else None)
  networks = make_networks(spec, tiny_config)
  batch = make_batch(spec, 32, seed)

  @jax.jit
  def q_of_first_batch(key, observation, action):
    params = networks.policy.init(key, observation, action)
    variables = quinoa.PolicyVariables(params, jnp.asarray(0.1))
    value = networks.value.apply(
      networks.value.init(key, observation), observation
    )
    log_ratio = losses.log_ratio(
      networks.policy.log_prob(variables, observation, action),
      jnp.full((32,), networks.policy.uniform_log_prob),
    )
    return losses.soft_q(value, log_ratio, jnp.asarray(1e4))

  q = q_of_first_batch(
    jax.random.PRNGKey(seed), batch.observation, batch.action
  )
  np.testing.assert_array_equal(q, np.zeros(32))


@pytest.fixture(scope='module')
def policy(make_spec, make_networks, make_batch, tiny_config, perturb):
  """A policy far from uniform: networks, variables and observations."""
  spec = make_spec()
  networks = make_networks(spec, tiny_config)
  batch = make_batch(spec, 5)
  key = jax.random.PRNGKey(1)
  params = jax.jit(networks.policy.init)(key, batch.observation, batch.action)
  variables = quinoa.PolicyVariables(perturb(params, key, 1.0), np.float32(0.5))
  return networks, variables, batch.observation


_CHOICES = [
  quinoa.Sample(),
  quinoa.BaseMode(),
  quinoa.MostLikely(7),
  quinoa.Median(7),
]


@pytest.mark.parametrize('choice', _CHOICES)
def test_actions_have_the_shape_and_bounds_of_the_spec(
  make_spec, policy, choice
):
  networks, variables, observation = policy
  act = jax.jit(quinoa.make_policy(networks, choice))
  spec = make_spec().actions
  for seed in range(5):
    action = act(variables, jax.random.PRNGKey(seed), observation)
    assert action.shape == (5, 2)
    assert action.dtype == jnp.float32
    for row in np.asarray(action):
      spec.validate(row)


def test_the_base_mode_needs_no_chance(policy):
  networks, variables, observation = policy
  act = jax.jit(quinoa.make_policy(networks, quinoa.BaseMode()))
  first = act(variables, jax.random.PRNGKey(0), observation)
  second = act(variables, jax.random.PRNGKey(1), observation)
  np.testing.assert_array_equal(first, second)
  assert np.ptp(first, axis=0).all()


def test_a_sample_is_a_sample(policy):
  networks, variables, observation = policy
  act = jax.jit(quinoa.make_policy(networks))
  first = act(variables, jax.random.PRNGKey(0), observation)
  np.testing.assert_array_equal(
    first, act(variables, jax.random.PRNGKey(0), observation)
  )
  second = act(variables, jax.random.PRNGKey(1), observation)
  assert np.all(first != second)


def test_the_most_likely_sample_is_taken(policy):
  networks, variables, observation = policy
  key = jax.random.PRNGKey(3)
  act = jax.jit(quinoa.make_policy(networks, quinoa.MostLikely(7)))
  action = act(variables, key, observation)
  samples, log_probs = networks.policy.draw(variables, key, observation, 7)
  assert samples.shape == (7, 5, 2)
  best = np.argmax(log_probs, axis=0)
  assert len(set(best.tolist())) > 1
  for row in range(5):
    np.testing.assert_allclose(action[row], samples[best[row], row], rtol=1e-5)


def test_the_median_of_samples_is_taken(policy):
  networks, variables, observation = policy
  key = jax.random.PRNGKey(3)
  act = jax.jit(quinoa.make_policy(networks, quinoa.Median(7)))
  samples, _ = networks.policy.draw(variables, key, observation, 7)
  np.testing.assert_allclose(
    act(variables, key, observation),
    np.sort(np.asarray(samples), axis=0)[3],
    rtol=1e-5,
    atol=1e-6,
  )


def test_the_likelihood_grows_with_the_number_of_samples(policy):
  networks, variables, observation = policy
  means = []
  for num_samples in (1, 32):
    act = jax.jit(quinoa.make_policy(networks, quinoa.MostLikely(num_samples)))
    log_probs = [
      networks.policy.log_prob(
        variables,
        observation,
        act(variables, jax.random.PRNGKey(i), observation),
      )
      for i in range(10)
    ]
    means.append(np.mean(log_probs))
  assert means[1] > means[0] + 0.5


def test_no_sample_is_no_choice():
  with pytest.raises(ValueError, match=r'num_samples .* at least 1, but is 0'):
    quinoa.MostLikely(0)


@pytest.mark.parametrize('shape', [(), (2, 3)])
def test_actions_of_any_shape(
  make_spec, make_networks, make_batch, tiny_config, shape
):
  spec = make_spec(action=specs.BoundedArray(shape, np.float64, -1, 3))
  networks = make_networks(spec, tiny_config)
  batch = make_batch(spec, 4)
  key = jax.random.PRNGKey(0)
  policy = networks.policy
  variables = quinoa.PolicyVariables(
    policy.init(key, batch.observation, batch.action), jnp.ones(())
  )
  sample, log_prob = policy.draw(variables, key, batch.observation, 3)
  assert sample.shape == (3, 4, *shape)
  assert log_prob.shape == (3, 4)
  np.testing.assert_allclose(
    policy.log_prob(variables, batch.observation, sample), log_prob, atol=1e-4
  )
  assert policy.mode(variables, batch.observation).shape == (4, *shape)
  uniform = -np.prod(shape, dtype=int) * np.log(4.0)
  np.testing.assert_allclose(
    policy.log_prob(variables, batch.observation, batch.action),
    uniform,
    rtol=1e-6,
  )
  assert policy.uniform_log_prob == pytest.approx(uniform)
  assert 0 <= policy.share_at_bounds(sample) < 0.5


def test_q_of_a_tilted_flow_stays_when_the_temperature_changes(
  make_spec, make_batch, perturb
):
  """With the temperature alpha D changes, and alpha * D hardly."""
  spec = make_spec(action=specs.BoundedArray((2,), np.float32, -1.0, 1.0))
  networks = quinoa.make_networks(
    spec, flow=networks_lib.TiltedFlowConfig(2, hidden_sizes=(8,))
  )
  batch = make_batch(spec, 64)
  key = jax.random.PRNGKey(0)
  policy = networks.policy
  params = policy.init(key, batch.observation, batch.action)
  params = perturb(params, key, 0.05)
  advantages = []
  for temperature in (0.1, 0.2):
    variables = quinoa.PolicyVariables(params, np.float32(temperature))
    log_prob = policy.log_prob(variables, batch.observation, batch.action)
    advantages.append(temperature * np.asarray(log_prob))
  spread = np.std(advantages[0])
  assert spread > 0.005
  difference = advantages[1] - advantages[0]
  # Up to the normaliser of each state, which V holds.
  assert np.corrcoef(*advantages)[0, 1] > 0.9
  assert np.std(difference) < 0.5 * spread


def test_a_critic_is_a_function_of_the_action_in_its_box(
  make_spec, make_networks, make_batch, tiny_config, perturb
):
  spec = make_spec()
  critic = make_networks(spec, tiny_config).critic
  batch = make_batch(spec, 6)
  key = jax.random.PRNGKey(0)
  params = critic.init(key, batch.observation, batch.action)
  zeros = critic.apply(params, batch.observation, batch.action)
  np.testing.assert_array_equal(zeros, np.zeros(6))
  params = perturb(params, key, 0.5)
  value = critic.apply(params, batch.observation, batch.action)
  assert value.dtype == jnp.float32
  several = np.stack([batch.action, batch.action[::-1]])
  np.testing.assert_allclose(
    critic.apply(params, batch.observation, several)[0], value, rtol=1e-5
  )
  other = critic.apply(params, batch.observation, batch.action[::-1])
  assert np.any(np.abs(value - other) > 1e-3)


@pytest.mark.parametrize(
  ('norm', 'parameter'),
  [
    (networks_lib.NoNorm(), 'w'),
    (networks_lib.LayerNorm(), 'scale'),
    (networks_lib.WeightNorm(), 'gain'),
  ],
)
def test_every_network_is_normalised_as_its_option_says(
  make_spec, make_networks, make_batch, tiny_config, norm, parameter
):
  spec = make_spec()
  batch = make_batch(spec, 16)
  key = jax.random.PRNGKey(0)
  for flow in (networks_lib.TiltedFlowConfig, networks_lib.RealNVPConfig):
    config = dataclasses.replace(
      tiny_config,
      flow=flow(num_couplings=2, hidden_sizes=(8,), norm=norm),
      value_norm=norm,
      fit=dataclasses.replace(tiny_config.fit, norm=norm),
    )
    networks = make_networks(spec, config)
    policy = networks.policy.init(key, batch.observation, batch.action)
    value = networks.value.init(key, batch.observation)
    critic = networks.critic.init(key, batch.observation, batch.action)
    for params, num_layers in ((policy, 2), (value, 1), (critic, 1)):
      hidden = [
        layer
        for name, layer in params.items()
        if 'hidden_0' in name and parameter in layer
      ]
      assert len(hidden) == num_layers
    variables = quinoa.PolicyVariables(params=policy, temperature=jnp.ones(()))
    np.testing.assert_allclose(
      networks.policy.log_prob(variables, batch.observation, batch.action),
      networks.policy.uniform_log_prob,
      rtol=1e-5,
    )
    np.testing.assert_array_equal(
      networks.value.apply(value, batch.observation), np.zeros(16)
    )


def test_a_spec_without_bounds_is_refused(make_spec):
  with pytest.raises(ValueError, match='bounded, continuous action spec'):
    quinoa.make_networks(make_spec(action=specs.Array((2,), np.float32)))
