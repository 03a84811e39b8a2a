"""Tests of Acme's own agents in the form in which a run takes them."""

import dataclasses

from acme import specs
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import dm_env
import jax
import numpy as np
import pytest
import reverb

from quinoa_acme.agents import agents
from quinoa_acme.agents import d4pg
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import off_policy

_ACTIONS = specs.BoundedArray((2,), np.float32, -1.0, 1.0)


@pytest.fixture(autouse=True)
def _acme_may_promote_ranks():
  """Acme's losses and distributions do; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


# With statistics of observations, which are of the learner's state too.
_SIMBA = dataclasses.replace(
  sac.SACConfig.simba(),
  layers=sac.ResidualBlocks(8, 1, 8, 1),
  **off_policy.SMALL_REPLAY,
)


@pytest.mark.slow
@pytest.mark.parametrize(
  'config',
  [
    dataclasses.replace(sac.SACConfig.debug(), hidden_sizes=(8,)),
    _SIMBA,
    # The slow networks, which act, are copied within the test.
    dataclasses.replace(d4pg.D4PGConfig.debug(), target_update_period=3),
  ],
  ids=lambda config: type(config).__name__,
)
def test_steps_are_sgd_steps_and_survive_a_restore(
  config, make_spec, make_batch, as_samples
):
  spec = make_spec(action=_ACTIONS)
  agent = agents.make_agent(config)
  counter = counting.Counter()

  def make_learner(seed):
    batches = [make_batch(spec, config.samples_per_step, i) for i in range(4)]
    return agent.make_builder(spec, loggers_base.NoOpLogger).make_learner(
      jax.random.PRNGKey(seed),
      agent.make_networks(spec),
      as_samples(batches[seed:]),
      counter=counter,
    )

  learner = make_learner(0)
  first = learner.save()
  assert first.steps == 0
  learner.step()
  learner.step()
  assert counter.get_counts()['steps'] == 2 * config.num_sgd_steps_per_step
  saved = jax.tree_util.tree_map(np.array, learner.save())
  assert saved.steps == 10
  # A checkpoint of no step yet has the types of a later one.
  assert [np.asarray(x).dtype for x in jax.tree_util.tree_leaves(first)] == [
    x.dtype for x in jax.tree_util.tree_leaves(saved)
  ]
  learner.step()
  other = make_learner(2)
  other.restore(saved)
  other.step()
  assert other.save().steps == 15
  jax.tree_util.tree_map(
    np.testing.assert_array_equal,
    other.get_variables(['policy']),
    learner.get_variables(['policy']),
  )


@pytest.mark.slow
@pytest.mark.parametrize(
  'config',
  [
    sac.SACConfig.debug(),
    dataclasses.replace(sac.SACConfig.debug(), n_step=3),
    _SIMBA,
    d4pg.D4PGConfig.debug(),
  ],
  ids=lambda config: type(config).__name__,
)
def test_an_actor_of_several_environments_fills_acme_s_table(
  config, make_spec, as_samples
):
  spec = make_spec(action=_ACTIONS)
  agent = agents.make_agent(config)
  builder = agent.make_builder(spec, loggers_base.NoOpLogger)
  networks = agent.make_networks(spec)
  server = reverb.Server(builder.make_replay_tables(spec))
  client = server.localhost_client()
  key = jax.random.PRNGKey(0)
  adder = builder.make_batched_adder(client, 2)
  actor = builder.make_batched_actor(
    key,
    agent.make_policy(networks),
    adder,
    builder.make_learner(key, networks, as_samples([])),
  )
  observation = np.zeros(3, np.float32)
  for i in range(2):
    actor.observe_first(i, dm_env.restart(observation))
  step = dm_env.transition(np.float32(0), observation)
  step = step._replace(discount=np.float32(1))
  for _ in range(6):
    actions = actor.select_actions([observation] * 2)
    assert actions.shape == (2, 2)
    # Of the same observation, each its own sample.
    assert np.any(actions[0] != actions[1])
    actor.observe(actions, [step, step])
    actor.update()
  adder.reset()
  [table] = client.server_info().values()
  # Acme's adds those of less than n steps at the beginning of an episode too.
  assert table.current_size == 12


@pytest.mark.parametrize('config', [sac.SACConfig(), d4pg.D4PGConfig()])
def test_another_box_is_refused(config, make_spec):
  agent = agents.make_agent(config)
  spec = make_spec()
  for actions in (
    spec.actions,
    specs.BoundedArray((2,), np.int8, -1, 1),
    specs.BoundedArray((0,), np.float32, -1, 1),
  ):
    with pytest.raises(ValueError, match=r"^Acme's \w+ acts in \[-1, 1\]"):
      agent.make_networks(spec._replace(actions=actions))


@pytest.mark.parametrize(
  ('agent', 'critic'),
  [
    (sac.SACAgent(sac.SACConfig.debug()), 'q_network'),
    (d4pg.D4PGAgent(d4pg.D4PGConfig.debug()), 'critic_network'),
  ],
)
def test_networks_begin_from_inputs_as_from_none(
  make_spec, make_batch, agent, critic
):
  spec = make_spec(action=_ACTIONS)
  networks = agent.make_networks(spec)
  batch = make_batch(spec, 2)
  inputs = batch.observation, batch.action
  for network, given in (
    (networks.policy_network, inputs[:1]),
    (getattr(networks, critic), inputs),
  ):
    key = jax.random.PRNGKey(0)
    found = jax.eval_shape(network.init, key, *given)
    assert found == jax.eval_shape(network.init, key)
    # They fit the inputs; a distribution is no output that JAX takes.
    jax.eval_shape(
      lambda *given, apply=network.apply: [apply(*given)][:0], found, *given
    )
