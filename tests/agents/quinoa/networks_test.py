"""Tests of the agent's networks, and of how it acts with them."""

from acme import specs
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import losses

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
    value = networks.value.apply(
      networks.value.init(key, observation), observation
    )
    log_ratio = losses.log_ratio(
      networks.policy.log_prob(params, observation, action),
      jnp.full((32,), networks.policy.uniform_log_prob),
    )
    return losses.soft_q(value, log_ratio, jnp.asarray(1e4))

  q = q_of_first_batch(
    jax.random.PRNGKey(seed), batch.observation, batch.action
  )
  np.testing.assert_array_equal(q, np.zeros(32))


@pytest.fixture(scope='module')
def policy(make_spec, make_networks, make_batch, tiny_config, perturb):
  """A policy far from uniform: networks, parameters and observations."""
  spec = make_spec()
  networks = make_networks(spec, tiny_config)
  batch = make_batch(spec, 5)
  key = jax.random.PRNGKey(1)
  params = jax.jit(networks.policy.init)(key, batch.observation, batch.action)
  return networks, perturb(params, key, 1.0), batch.observation


_CHOICES = [quinoa.Sample(), quinoa.BaseMode(), quinoa.MostLikely(7)]


@pytest.mark.parametrize('choice', _CHOICES)
def test_actions_have_the_shape_and_bounds_of_the_spec(
  make_spec, policy, choice
):
  networks, params, observation = policy
  act = jax.jit(quinoa.make_policy(networks, choice))
  spec = make_spec().actions
  for seed in range(5):
    action = act(params, jax.random.PRNGKey(seed), observation)
    assert action.shape == (5, 2)
    assert action.dtype == jnp.float32
    for row in np.asarray(action):
      spec.validate(row)


def test_the_base_mode_needs_no_chance(policy):
  networks, params, observation = policy
  act = jax.jit(quinoa.make_policy(networks, quinoa.BaseMode()))
  first = act(params, jax.random.PRNGKey(0), observation)
  second = act(params, jax.random.PRNGKey(1), observation)
  np.testing.assert_array_equal(first, second)
  assert np.ptp(first, axis=0).all()


def test_a_sample_is_a_sample(policy):
  networks, params, observation = policy
  act = jax.jit(quinoa.make_policy(networks))
  first = act(params, jax.random.PRNGKey(0), observation)
  np.testing.assert_array_equal(
    first, act(params, jax.random.PRNGKey(0), observation)
  )
  second = act(params, jax.random.PRNGKey(1), observation)
  assert np.all(first != second)


def test_the_most_likely_sample_is_taken(policy):
  networks, params, observation = policy
  key = jax.random.PRNGKey(3)
  act = jax.jit(quinoa.make_policy(networks, quinoa.MostLikely(7)))
  action = act(params, key, observation)
  # The same samples, as the policy gives them for seven copies of each state.
  samples, log_probs = networks.policy.sample_and_log_prob(
    params, key, np.repeat(observation, 7, axis=0)
  )
  samples, log_probs = samples.reshape(5, 7, 2), log_probs.reshape(5, 7)
  best = np.argmax(log_probs, axis=1)
  assert len(set(best.tolist())) > 1
  for row in range(5):
    np.testing.assert_allclose(action[row], samples[row, best[row]], rtol=1e-5)


def test_the_likelihood_grows_with_the_number_of_samples(policy):
  networks, params, observation = policy
  means = []
  for num_samples in (1, 32):
    act = jax.jit(quinoa.make_policy(networks, quinoa.MostLikely(num_samples)))
    log_probs = [
      networks.policy.log_prob(
        params, observation, act(params, jax.random.PRNGKey(i), observation)
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
  params = policy.init(key, batch.observation, batch.action)
  sample, log_prob = policy.sample_and_log_prob(params, key, batch.observation)
  assert sample.shape == (4, *shape)
  assert log_prob.shape == (4,)
  assert policy.mode(params, batch.observation).shape == (4, *shape)
  uniform = -np.prod(shape, dtype=int) * np.log(4.0)
  np.testing.assert_allclose(
    policy.log_prob(params, batch.observation, batch.action), uniform, rtol=1e-6
  )
  assert policy.uniform_log_prob == pytest.approx(uniform)
  assert 0 <= policy.share_at_bounds(sample) < 0.5


def test_a_spec_without_bounds_is_refused(make_spec):
  with pytest.raises(ValueError, match='bounded, continuous action spec'):
    quinoa.make_networks(make_spec(action=specs.Array((2,), np.float32)))
