"""Tests of Acme's SAC and of its variants: options, learner and targets."""

import dataclasses

from acme import specs
from acme.agents.jax import sac as acme_sac
from acme.utils.loggers import base as loggers_base
import dm_env
import jax
import numpy as np
import pytest

from quinoa_acme.agents import agents
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import off_policy
from quinoa_acme.data import adders
from quinoa_acme.networks import norms

_SMALL = {**off_policy.SMALL_REPLAY, 'num_sgd_steps_per_step': 1}


@pytest.fixture
def spec(make_spec):
  return make_spec(action=specs.BoundedArray((2,), np.float32, -1.0, 1.0))


@pytest.fixture
def _ranks():
  """Acme's losses promote ranks; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


class _Rows(loggers_base.Logger):
  """Keeps what a learner logs."""

  def __init__(self):
    self.rows = []

  def write(self, data):
    self.rows.append(data)

  def close(self):
    pass


class _Kept:
  """A replay that keeps what an adder inserts, in order."""

  def __init__(self):
    self.transitions = []

  def insert(self, transition):
    self.transitions.append(transition)

  def flush(self):
    pass


def test_an_agent_belongs_to_its_configuration():
  agent = agents.make_agent(sac.SACConfig())
  assert isinstance(agent, sac.SACAgent)
  with pytest.raises(TypeError, match='configuration of a registered agent'):
    agents.make_agent('sac')  # pyright: ignore[reportArgumentType]  The error.


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'learning_rate': 0.0}, r'learning_rate must be in \(0, 1\]'),
    ({'tau': -1.0}, r'tau must be in \(0, 1\]'),
    ({'transitions_per_item': 2}, "must be 1 for SACConfig, but is 2: Acme's"),
    ({'discount': 1.0}, r'discount must be in \[0, 1\)'),
    ({'batch_size': 0}, 'batch_size must be a whole number'),
    ({'n_step': 0}, 'n_step must be a whole number of at least 1'),
    ({'num_critics': 0}, 'num_critics must be a whole number of at least 1'),
    (
      {'critic_norm': norms.WeightNorm()},
      'critic_norm: expected one of NoNorm',
    ),
    ({'weight_decay': -1.0}, 'weight_decay must be finite and >= 0'),
    (
      {'weight_decay': 1e4},
      r'must be at most 1, but is 0\.0003 \* 10000',
    ),
    ({'initial_temperature': 0.0}, 'initial_temperature must be positive'),
    ({'initial_temperature': 1e5}, r'must be in \[0\.0001, 10000\]'),
  ],
)
def test_options_of_no_sense_are_refused(options, message):
  with pytest.raises(ValueError, match=message):
    sac.SACConfig(**options)


def test_presets_differ_from_acme_s_sac_in_what_they_say():
  def changes(config):
    default = vars(sac.SACConfig())
    return {name for name, x in vars(config).items() if x != default[name]}

  preset = sac.SACConfig.layer_norm_three_steps()
  assert changes(preset) == {'critic_norm', 'n_step'}
  assert (preset.critic_norm, preset.n_step) == (norms.LayerNorm(), 3)
  simba = sac.SACConfig.simba()
  assert changes(simba) == {
    'layers',
    'num_critics',
    'observations',
    'learning_rate',
    'weight_decay',
    'initial_temperature',
    'target_entropy_per_dimension',
    'samples_per_insert',
  }
  assert simba.layers == sac.ResidualBlocks(128, 1, 512, 2)
  assert simba.sgd_steps_per_insert == 2


def _learn(learner, num_steps=3):
  for _ in range(num_steps):
    learner.step()
  return learner


@pytest.mark.usefixtures('_ranks')
def test_where_nothing_is_set_the_learner_is_acme_s_to_the_bit(
  spec, make_batch, as_samples
):
  config = sac.SACConfig(hidden_sizes=(8, 8), **_SMALL)
  agent = sac.SACAgent(config)
  batches = [make_batch(spec, config.samples_per_step, i) for i in range(3)]
  key = jax.random.PRNGKey(7)
  ours = agent.make_builder(spec).make_learner(
    key, agent.make_networks(spec), as_samples(batches)
  )
  theirs = acme_sac.SACBuilder(
    acme_sac.SACConfig(
      batch_size=config.batch_size,
      target_entropy=-2.0,
      num_sgd_steps_per_step=1,
    ),
    loggers_base.NoOpLogger,
  ).make_learner(key, acme_sac.make_networks(spec, (8, 8)), as_samples(batches))
  ours, theirs = _learn(ours).save().learner, _learn(theirs).save()
  jax.tree_util.tree_map(np.testing.assert_array_equal, ours, theirs)
  assert jax.tree_util.tree_structure(ours) == jax.tree_util.tree_structure(
    theirs
  )


@pytest.mark.usefixtures('_ranks')
def test_three_rewards_and_then_the_least_critic_are_the_target(
  spec, as_samples
):
  config = dataclasses.replace(
    sac.SACConfig.layer_norm_three_steps(),
    hidden_sizes=(8,),
    **{**_SMALL, 'batch_size': 1},
  )
  agent = sac.SACAgent(config)
  kept = _Kept()
  adder = adders.make_adder(
    kept, config.transition_steps, config.window, config.discount
  )
  rng = np.random.default_rng(0)
  states = rng.normal(size=(4, 3)).astype(np.float32)
  actions = rng.uniform(-1, 1, size=(3, 2)).astype(np.float32)
  adder.add_first(dm_env.restart(states[0]))
  for action, reward, state in zip(
    actions, (1.0, 10.0, 100.0), states[1:], strict=True
  ):
    step = dm_env.transition(np.float32(reward), state)
    adder.add(action, step._replace(discount=np.float32(1.0)))
  # Of one, two and three steps, as Acme's adder begins an episode.
  assert len(kept.transitions) == 3
  batch = jax.tree_util.tree_map(
    lambda x: np.asarray(x)[None], kept.transitions[-1]
  )

  logger = _Rows()
  learner = agent.make_builder(spec, lambda: logger).make_learner(
    jax.random.PRNGKey(1),
    agent.make_networks(spec),
    as_samples([batch]),
  )
  before = learner.save().learner
  learner.step()

  # By hand, from the rewards and states of the episode.
  networks = agent.make_networks(spec)
  _, _, key, _ = jax.random.split(before.key, 4)
  outputs = networks.policy_network.apply(before.policy_params, states[3:])
  action = networks.sample(outputs, key)
  values = networks.q_network.apply(before.target_q_params, states[3:], action)
  soft_value = np.min(values) - networks.log_prob(outputs, action)[0]
  target = 1.0 + 0.99 * 10.0 + 0.99**2 * 100.0 + 0.99**3 * soft_value
  predicted = networks.q_network.apply(before.q_params, states[:1], actions[:1])
  loss = 0.5 * float(np.mean((predicted - target) ** 2))
  assert float(logger.rows[0]['critic_loss']) == pytest.approx(loss, rel=1e-4)
