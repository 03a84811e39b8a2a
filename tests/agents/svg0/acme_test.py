"""SVG(0) beside dm-acme's SVG0 for TensorFlow, on the same data and noise.

Acme's learner, networks and losses run untouched; its networks are written once
more in JAX here and start from the same parameters. On sequences of two steps
its Retrace target is the one-step target.
"""

import dataclasses
import functools

from acme import specs
from acme.adders.reverb import base as adders_base
from acme.agents.tf import svg0_prior
from acme.agents.tf.svg0_prior import utils as svg0_utils
from acme.jax import networks as networks_lib
from acme.tf import networks as tf_networks
from acme.tf import utils as tf_utils
from acme.utils.loggers import base as loggers_base
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reverb
import sonnet as snt
import tensorflow as tf

from quinoa_acme import networks
from quinoa_acme.agents import svg0
from quinoa_acme.agents.svg0 import update as update_lib

pytestmark = [
  pytest.mark.slow,
  # What reads data stays a graph, as TensorFlow 2.8.4 says; that is small.
  pytest.mark.filterwarnings(
    'ignore:Even though the `tf.config.experimental_run_functions_eagerly`'
  ),
]


@pytest.fixture(autouse=True)
def _runs_eagerly():
  """A few small steps take less time than their graph takes to be made."""
  tf.config.run_functions_eagerly(True)
  yield
  tf.config.run_functions_eagerly(False)


_SIZE, _NUM_ACTIONS, _DISCOUNT, _LEARNING_RATE = 16, 3, 0.9, 1e-2
_ACTIONS = specs.BoundedArray((2,), np.float32, -1.0, 1.0)
_NOISE = (
  np.random.default_rng(7)
  .normal(size=(_NUM_ACTIONS, _SIZE, 2))
  .astype(np.float32)
)


class _WithNoise:
  """A distribution of TensorFlow's whose samples are made of given noise."""

  def __init__(self, distribution):
    self._distribution = distribution

  def sample(self, num_samples):
    assert num_samples == _NUM_ACTIONS
    mean, scale = self._distribution.loc, self._distribution.stddev()
    return mean[None] + scale[None] * _NOISE

  def log_prob(self, action):
    return self._distribution.log_prob(action)

  def kl_divergence(self, other):
    return self._distribution.kl_divergence(other._distribution)


def _make_tf_networks(spec, seed):
  """Acme's networks, small; the prior is of the policy's kind."""
  tf.random.set_seed(seed)

  def gaussian():
    return snt.Sequential(
      [
        tf_utils.batch_concat,
        tf_networks.LayerNormMLP((8, 8), activate_final=True),
        tf_networks.MultivariateNormalDiagHead(
          2, tanh_mean=True, min_scale=0.3, init_scale=0.7
        ),
        _WithNoise,
      ]
    )

  critic = svg0_prior.make_default_networks(
    spec.actions, critic_layer_sizes=(8, 8)
  )['critic']
  made = {'policy': gaussian(), 'prior': gaussian(), 'critic': critic}
  for name, network in made.items():
    inputs = [spec.observations] + [spec.actions] * (name == 'critic')
    if name == 'critic':
      tf_utils.create_variables(network, inputs)
    else:
      # What it returns is no tensor, which Acme would look for.
      network(tf.zeros((_SIZE, *spec.observations.shape)))
  return made


def _torso(params, inputs):
  bias, weight, offset, scale, next_bias, next_weight = params

  def broadcast(x, like):
    return jnp.broadcast_to(x, like.shape)

  hidden = inputs @ weight
  hidden = hidden + broadcast(bias, hidden)
  hidden = jax.nn.standardize(hidden, axis=-1, epsilon=1e-5)
  hidden = hidden * broadcast(scale, hidden) + broadcast(offset, hidden)
  hidden = jnp.tanh(hidden) @ next_weight
  return jax.nn.elu(hidden + broadcast(next_bias, hidden))


def _linear(params, inputs):
  bias, weight = params
  outputs = inputs @ weight
  return outputs + jnp.broadcast_to(bias, outputs.shape)


def _make_jax_networks(box):
  """The same networks as functions of the lists of TensorFlow's variables."""

  def distribution(params, observation):
    hidden = _torso(params[:6], observation)
    scale = jax.nn.softplus(_linear(params[8:], hidden)) * 0.7 / jnp.log(2.0)
    mean = jnp.tanh(_linear(params[6:8], hidden))
    return networks.ClippedGaussian(mean, scale + 0.3, box)

  def sample_and_log_prob(params, key, observation, num_actions):
    del key
    assert num_actions == _NUM_ACTIONS
    gaussian = distribution(params, observation)
    mean, scale = gaussian._moments(_NOISE.shape)
    point = mean + scale * _NOISE
    return gaussian._to_action(point), gaussian._log_prob(_NOISE, point)

  def apply(params, observation, action):
    wide = jnp.broadcast_to(
      observation, (*action.shape[:-1], observation.shape[-1])
    )
    hidden = _torso(params[:6], jnp.concatenate([wide, action], axis=-1))
    return _linear(params[6:], hidden)[..., 0]

  own = svg0.make_networks(
    _spec(), policy=svg0.ClippedGaussianConfig(), critic_hidden_sizes=()
  )
  policy = dataclasses.replace(
    own.policy,
    sample_and_log_prob=sample_and_log_prob,
    relative_entropy=lambda params, others, observation: distribution(
      params, observation
    ).relative_entropy(distribution(others, observation)),
  )
  critic = networks_lib.FeedForwardNetwork(own.critic.init, apply)
  return dataclasses.replace(own, policy=policy, critic=critic)


def _spec():
  return specs.EnvironmentSpec(
    observations=specs.Array((3,), np.float32),
    actions=_ACTIONS,
    rewards=specs.Array((), np.float32),
    discounts=specs.BoundedArray((), np.float32, 0.0, 1.0),
  )


def _values(network):
  return [variable.numpy() for variable in network.variables]


def _as_sequences(batches):
  """A TensorFlow data set of sequences of two steps, without an end."""

  def pair(first, second):
    return np.stack([first, second], axis=1)

  steps = [
    adders_base.Step(
      observation=pair(batch.observation, batch.next_observation),
      action=pair(batch.action, batch.action),
      reward=pair(batch.reward, batch.reward),
      discount=pair(batch.discount, batch.discount),
      start_of_episode=np.zeros((_SIZE, 2), bool),
      extras={'log_prob': np.zeros((_SIZE, 2), np.float32)},
    )
    for batch in batches
  ]
  stacked = tf.nest.map_structure(lambda *leaves: np.stack(leaves), *steps)
  data = tf.data.Dataset.from_tensor_slices(stacked)
  data = data.map(lambda step: reverb.ReplaySample(info=(), data=step))
  return iter(data.repeat())


class _Rows(loggers_base.Logger):
  def __init__(self):
    self.rows = []

  def write(self, data):
    self.rows.append({key: float(value) for key, value in data.items()})

  def close(self):
    pass


def _make_acme_learner(made, others, batches, weight):
  adam = functools.partial(snt.optimizers.Adam, _LEARNING_RATE)
  has_prior = weight > 0
  logger = _Rows()
  learner = svg0_prior.SVG0Learner(
    policy_network=made['policy'],
    critic_network=made['critic'],
    target_policy_network=others['policy'],
    target_critic_network=others['critic'],
    prior_network=made['prior'] if has_prior else None,
    target_prior_network=others['prior'] if has_prior else None,
    discount=_DISCOUNT,
    # Copied before every step: which of the two is meant makes no difference.
    target_update_period=1,
    dataset_iterator=_as_sequences(batches),
    policy_optimizer=adam(),
    # Its loss is half of ours.
    critic_optimizer=adam(epsilon=0.5e-8),
    # The prior stays as it is.
    prior_optimizer=snt.optimizers.SGD(0.0),
    distillation_cost=weight,
    entropy_regularizer_cost=0.0,
    num_action_samples=_NUM_ACTIONS,
    logger=logger,
    checkpoint=False,
  )
  return learner, logger.rows


@pytest.mark.parametrize('weight', [0.0, 0.3])
def test_five_steps_are_those_of_acme_s_learner(make_batch, weight):
  spec = _spec()
  batches = [make_batch(spec, _SIZE, seed) for seed in range(5)]
  batches[1] = batches[1]._replace(discount=np.zeros(_SIZE, np.float32))
  made, others = (_make_tf_networks(spec, seed) for seed in (0, 1))
  regularisation = svg0.NoRegularisation()
  if weight:
    # A copy that is never renewed is a prior that stays as it is.
    regularisation = svg0.KLRegularisation(weight, svg0.CopyEvery(1_000_000))
  config = svg0.SVG0Config(
    policy_learning_rate=_LEARNING_RATE,
    critic_learning_rate=_LEARNING_RATE,
    num_actions=_NUM_ACTIONS,
    discount=_DISCOUNT,
    regularisation=regularisation,
    target=svg0.CopyEvery(1),
  )
  params = update_lib.Params(_values(made['policy']), _values(made['critic']))
  state = update_lib.TrainingState(
    params=params,
    target=params.critic,
    prior=_values(made['prior']) if weight else {},
    optimizer=update_lib.make_optimizer(config).init(params),
    key=jax.random.PRNGKey(0),
    steps=jnp.asarray(0, jnp.int32),
  )
  update_step = jax.jit(
    update_lib.make_update_step(
      _make_jax_networks(networks.Box.from_spec(spec.actions)), config
    )
  )
  learner, rows = _make_acme_learner(made, others, batches, weight)
  for batch in batches:
    learner.step()
    state, metrics, finite = update_step(state, batch)
    assert finite.all()
    assert float(metrics['critic_loss']) / 2 == pytest.approx(
      rows[-1]['critic_loss'], rel=1e-4
    )
    assert -float(metrics['value_mean']) == pytest.approx(
      rows[-1]['policy_loss'], rel=1e-4, abs=1e-6
    )
    assert ('kl' in metrics) == bool(weight)
    for name, ours in state.params._asdict().items():
      for left, right in zip(ours, _values(made[name]), strict=True):
        np.testing.assert_allclose(left, right, atol=2e-5)
  # They have gone some way together.
  for name, before in params._asdict().items():
    moved = max(
      np.abs(left - right).max()
      for left, right in zip(before, _values(made[name]), strict=True)
    )
    assert moved > 0.03


def test_acme_s_entropy_bonus_has_no_gradient_to_expect():
  """It stops the gradient at the samples: what is left is a score's mean.

  So the bonus moves nothing in expectation, and the scale of a policy whose
  critic is flat stays. With ours it rises; see the README of the agent.
  """
  log_scale = tf.Variable([0.0, 0.0])
  observation = tf.zeros((1, 3))

  def policy(inputs):
    del inputs
    return tf_networks.distributional.tfd.MultivariateNormalDiag(
      loc=tf.zeros((1, 2)), scale_diag=tf.exp(log_scale)[None]
    )

  def flat(inputs, action):
    del inputs, action
    return tf.zeros((1, 1))

  core = svg0_utils.OnlineTargetPiQ(
    online_pi=policy,
    online_q=flat,
    target_pi=policy,
    target_q=flat,
    num_samples=20_000,
  )
  with tf.GradientTape() as tape:
    outputs = core((observation, tf.zeros((1, 2))))
    bonus = tf.reduce_mean(-outputs.online_log_probs)
  acme = tape.gradient(bonus, log_scale)
  np.testing.assert_allclose(acme, [0.0, 0.0], atol=0.05)

  def entropy(log_scale):
    gaussian = networks.ClippedGaussian(
      jnp.zeros((1, 2)),
      jnp.exp(log_scale)[None],
      networks.Box.from_spec(_ACTIONS),
    )
    _, log_prob = gaussian.sample_and_log_prob(
      seed=jax.random.PRNGKey(0), sample_shape=(100,)
    )
    return -jnp.mean(log_prob)

  # The entropy of a Gaussian rises by one nat with each log-scale.
  np.testing.assert_allclose(
    jax.grad(entropy)(jnp.zeros(2)), [1.0, 1.0], rtol=1e-4
  )
