"""Tests of SVG(0)'s update step, against what can be worked out by hand."""

import dataclasses

from acme.jax import networks as networks_lib
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import svg0
from quinoa_acme.agents.common import learning
from quinoa_acme.agents.svg0 import update as update_lib


def _assert_equal(left, right):
  jax.tree_util.tree_map(np.testing.assert_array_equal, left, right)


def _distance(left, right) -> float:
  distances = jax.tree_util.tree_map(
    lambda x, y: np.max(np.abs(np.asarray(x) - np.asarray(y))), left, right
  )
  return max(jax.tree_util.tree_leaves(distances))


@pytest.fixture(scope='module')
def config():
  return dataclasses.replace(
    svg0.SVG0Config.debug(),
    policy=svg0.ClippedGaussianConfig(hidden_sizes=(8,)),
    critic_hidden_sizes=(8,),
    policy_learning_rate=1e-2,
    regularisation=svg0.EntropyRegularisation(),
    batch_size=16,
    num_sgd_steps_per_step=1,
  )


@pytest.fixture(scope='module')
def networks(make_spec, config):
  return svg0.SVG0Agent(config).make_networks(make_spec())


@pytest.fixture(scope='module')
def batches(make_spec, make_batch):
  return [make_batch(make_spec(), 16, seed) for seed in range(8)]


@pytest.mark.slow
@pytest.mark.parametrize(
  'regularisation',
  [
    svg0.NoRegularisation(),
    svg0.EntropyRegularisation(0.5),
    svg0.KLRegularisation(0.5),
  ],
)
def test_the_target_is_the_reward_and_the_regularised_value(
  networks, config, batches, perturb, regularisation
):
  config = dataclasses.replace(
    config, regularisation=regularisation, discount=0.9
  )
  state = update_lib.make_initial_state(networks, config, jax.random.PRNGKey(0))
  policy = perturb(state.params.policy, jax.random.PRNGKey(1), 0.5)
  target = perturb(state.target, jax.random.PRNGKey(2), 0.5)
  state = state._replace(
    params=state.params._replace(policy=policy), target=target
  )
  batch = batches[0]._replace(discount=np.linspace(0, 1, 16, dtype=np.float32))
  _, metrics, finite = jax.jit(update_lib.make_update_step(networks, config))(
    state, batch
  )
  assert finite.all()

  _, key, _ = jax.random.split(state.key, 3)
  action, log_prob = networks.policy.sample_and_log_prob(
    policy, key, batch.next_observation, config.num_actions
  )
  penalty = {
    'NoRegularisation': lambda: 0.0,
    'EntropyRegularisation': lambda: (
      0.5 * (log_prob.mean(axis=0) - networks.policy.uniform_log_prob)
    ),
    # The slow copy is the policy of before.
    'KLRegularisation': lambda: (
      0.5
      * networks.policy.relative_entropy(
        policy, state.prior, batch.next_observation
      )
    ),
  }[type(regularisation).__name__]()
  q = np.mean(
    [
      jax.jit(networks.critic.apply)(target, batch.next_observation, one)
      for one in action
    ],
    axis=0,
  )
  expected = batch.reward + 0.9 * batch.discount * (q - penalty)
  assert float(metrics['target_mean']) == pytest.approx(
    float(expected.mean()), rel=1e-4
  )
  # The critic is zero at first.
  assert float(metrics['critic_loss']) == pytest.approx(
    float(np.mean(expected**2)), rel=1e-4
  )
  assert ('kl' in metrics) == bool(state.prior)


def _with_critic(networks, q):
  """The networks with a critic that is known, and has nothing to learn."""

  def apply(params, observation, action):
    del params, observation
    return q(action)

  critic = networks_lib.FeedForwardNetwork(lambda key, *batch: {}, apply)
  return dataclasses.replace(networks, critic=critic)


def test_the_policy_gradient_is_that_of_the_critic_through_the_action(
  networks, config, batches, perturb
):
  """dQ/da by hand, da/dtheta by finite differences, and the chain rule."""
  batch = batches[0]
  best = np.array([0.5, 1.0], np.float32)
  known = _with_critic(
    networks,
    lambda action: (
      -jnp.sum(
        jnp.square(action - jnp.broadcast_to(best, action.shape)), axis=-1
      )
    ),
  )
  config = dataclasses.replace(
    config, regularisation=svg0.NoRegularisation(), num_actions=3
  )
  params = perturb(
    networks.policy.init(jax.random.PRNGKey(0), networks.example_observation),
    jax.random.PRNGKey(1),
    0.2,
  )
  key = jax.random.PRNGKey(2)

  def act(params):
    return np.float64(
      networks.policy.sample_and_log_prob(
        params, key, batch.observation, config.num_actions
      )[0]
    )

  def loss(policy):
    return update_lib._loss(
      known,
      config,
      update_lib.Params(policy, {}),
      {},
      batch,
      jnp.zeros(16),
      key,
    )[0]

  gradient = jax.jit(jax.grad(loss))(params)
  direction = perturb(
    jax.tree_util.tree_map(jnp.zeros_like, params), jax.random.PRNGKey(3), 1.0
  )
  along = sum(
    float(jnp.vdot(x, y))
    for x, y in zip(
      jax.tree_util.tree_leaves(gradient),
      jax.tree_util.tree_leaves(direction),
      strict=True,
    )
  )

  def moved(step):
    return act(
      jax.tree_util.tree_map(lambda x, y: x + step * y, params, direction)
    )

  slope = (moved(1e-3) - moved(-1e-3)) / 2e-3
  slope_of_q = -2 * (act(params) - best)
  # The loss is minus the mean over actions and states.
  expected = -np.mean(np.sum(slope_of_q * slope, axis=-1))
  assert along == pytest.approx(expected, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['entropy', 'kl', 'none'])
def test_the_policy_comes_to_the_optimum_that_is_known(
  make_spec, batches, config, kind
):
  """With Q = -c/2 |x - x*|^2, x the action in half widths, it is a Gaussian.

  With an entropy bonus of weight w its variance is w/c. With a relative entropy
  to N(0, s^2) its precision is c/w + 1/s^2 and its mean x* c/w over that. With
  neither the scale goes to its least.
  """
  curvature, weight = 4.0, 0.1
  best = np.array([0.3, -0.2])
  policy = svg0.ClippedGaussianConfig((8,), 0.4, min_scale=0.02)
  regularisation, expected_mean, expected_scale = {
    'entropy': (
      svg0.EntropyRegularisation(weight),
      best,
      np.sqrt(weight / curvature),
    ),
    'kl': (
      svg0.KLRegularisation(weight, svg0.CopyEvery(1_000_000)),
      best * 40.0 / (40.0 + 1 / 0.16),
      np.sqrt(1 / (40.0 + 1 / 0.16)),
    ),
    'none': (svg0.NoRegularisation(), best, 0.02),
  }[kind]
  config = dataclasses.replace(
    config,
    policy=policy,
    num_actions=16,
    policy_learning_rate=3e-3,
    regularisation=regularisation,
  )
  spec = make_spec()
  centre = (spec.actions.minimum + spec.actions.maximum) / 2
  half = (spec.actions.maximum - spec.actions.minimum) / 2

  def q(action):
    wide = action.shape
    symmetric = (action - jnp.broadcast_to(centre, wide)) / jnp.broadcast_to(
      half, wide
    )
    return (
      -curvature
      / 2
      * jnp.sum(jnp.square(symmetric - jnp.broadcast_to(best, wide)), axis=-1)
    )

  networks = _with_critic(svg0.SVG0Agent(config).make_networks(spec), q)
  update = jax.jit(
    learning.make_scanned_update(
      update_lib.make_update_step(networks, config), 500
    )
  )
  batch = jax.tree_util.tree_map(
    lambda x: np.tile(x, (500,) + (1,) * (x.ndim - 1)), batches[0]
  )
  state = update_lib.make_initial_state(networks, config, jax.random.PRNGKey(0))
  for _ in range(6):
    state, _, finite = update(state, batch)
  assert all(np.all(x) for x in jax.tree_util.tree_leaves(finite))
  action, _ = networks.policy.sample_and_log_prob(
    state.params.policy, jax.random.PRNGKey(1), batches[0].observation, 2000
  )
  symmetric = (np.asarray(action) - centre) / half
  np.testing.assert_allclose(
    symmetric.mean(axis=(0, 1)), expected_mean, atol=0.03
  )
  np.testing.assert_allclose(
    symmetric.std(axis=0).mean(axis=0), expected_scale, rtol=0.2
  )


def test_each_loss_moves_only_its_own(networks, config, batches):
  """The critic's parameters do not feel the policy's loss, nor the reverse."""
  state = update_lib.make_initial_state(networks, config, jax.random.PRNGKey(0))

  @jax.jit
  def gradients(target):
    def loss(params):
      key = jax.random.PRNGKey(1)
      return update_lib._loss(
        networks, config, params, {}, batches[0], jnp.full(16, target), key
      )[0]

    return jax.grad(loss)(state.params)

  one, other = gradients(1.0), gradients(2.0)
  _assert_equal(one.policy, other.policy)
  # Q is zero at first: the critic's gradient is proportional to the target.
  assert max(abs(x).max() for x in jax.tree_util.tree_leaves(one.critic)) > 0.1
  for x, y in zip(
    jax.tree_util.tree_leaves(one.critic),
    jax.tree_util.tree_leaves(other.critic),
    strict=True,
  ):
    np.testing.assert_allclose(2 * x, y, rtol=1e-4, atol=1e-6)


def test_slow_copies_follow_at_their_pace(networks, config, batches, perturb):
  config = dataclasses.replace(
    config,
    target=svg0.Polyak(0.25),
    regularisation=svg0.KLRegularisation(0.1, svg0.CopyEvery(2)),
  )
  update_step = jax.jit(update_lib.make_update_step(networks, config))
  state = update_lib.make_initial_state(networks, config, jax.random.PRNGKey(0))
  # A critic that is zero everywhere would leave the policy where it is.
  critic = perturb(state.params.critic, jax.random.PRNGKey(1), 0.5)
  state = state._replace(params=state.params._replace(critic=critic))
  for step, batch in enumerate(batches[:4], start=1):
    before, (state, metrics, _) = state, update_step(state, batch)
    assert state.steps == step
    assert np.any(state.key != before.key)
    assert _distance(before.params.policy, state.params.policy) > 1e-5
    expected = jax.tree_util.tree_map(
      lambda x, y: 0.75 * x + 0.25 * y, before.target, state.params.critic
    )
    assert _distance(state.target, expected) < 1e-6
    _assert_equal(
      state.prior, before.prior if step % 2 else state.params.policy
    )
    # Right after a copy there is nothing between the two.
    assert (float(metrics['kl']) == pytest.approx(0.0, abs=1e-6)) == (
      step % 2 == 1
    )


def test_the_metrics_say_what_they_are_named_for(networks, config, batches):
  state = update_lib.make_initial_state(networks, config, jax.random.PRNGKey(0))
  _, metrics, _ = jax.jit(update_lib.make_update_step(networks, config))(
    state, batches[0]
  )
  assert 'kl' not in metrics
  assert metrics['critic_min'] == metrics['critic_max'] == 0.0
  assert 0 < metrics['policy_gradient_norm'] < metrics['gradient_norm']
  assert 0 < metrics['share_at_bounds'] < 1
  # Of a Gaussian with scale 0.7 of half widths 1.5 and 3.5, as it begins.
  entropy = 2 * 0.5 * np.log(2 * np.pi * np.e * 0.49) + np.log(1.5 * 3.5)
  assert float(metrics['entropy']) == pytest.approx(entropy, abs=0.5)
  weight = config.regularisation.weight
  uniform = float(networks.policy.uniform_log_prob)
  assert float(metrics['value_mean']) == pytest.approx(
    weight * (float(metrics['entropy']) + uniform), rel=1e-4
  )
