"""Tests of the builder, with real Reverb servers and Acme's own layouts."""

import dataclasses
import itertools
import time

from acme import specs
from acme.jax.layouts import distributed_layout
import dm_env
import jax
import launchpad as lp
import numpy as np
import pytest
import reverb
import waiting

from quinoa_acme.agents import quinoa


@pytest.fixture(scope='module')
def config(tiny_config):
  return dataclasses.replace(
    tiny_config,
    min_replay_size=20,
    samples_per_insert=16.0,
    samples_per_insert_tolerance=1.0,
    num_sgd_steps_per_step=2,
  )


@pytest.fixture
def serve():
  """Serves tables, and gives the client."""
  servers = []

  def serve(tables):
    server = reverb.Server(tables)
    servers.append(server)
    return reverb.Client(f'localhost:{server.port}')

  yield serve
  for server in servers:
    server.stop()


def test_the_limiter_has_the_numbers_of_the_config(make_spec, config, serve):
  client = serve(quinoa.QuinoaBuilder(config).make_replay_tables(make_spec()))
  info = client.server_info()['priority_table']
  limiter = info.rate_limiter_info
  assert limiter.samples_per_insert == 16.0
  assert limiter.min_size_to_sample == 20
  # 1.0 * 20 * 16 samples ahead or behind of 20 * 16.
  assert limiter.min_diff == 0.0
  assert limiter.max_diff == 640.0
  assert info.max_size == config.max_replay_size
  assert info.max_times_sampled == 0
  assert info.sampler_options.uniform
  assert info.remover_options.fifo


def test_the_limiter_counts_items_as_the_transitions_that_they_hold(
  make_spec, config, serve
):
  config = dataclasses.replace(
    config, transitions_per_item=8, max_replay_size=1001
  )
  client = serve(quinoa.QuinoaBuilder(config).make_replay_tables(make_spec()))
  info = client.server_info()['priority_table']
  limiter = info.rate_limiter_info
  assert limiter.samples_per_insert == 8 * 16.0
  # Of 20, and 1001, as many items as hold them.
  assert limiter.min_size_to_sample == 3
  assert info.max_size == 126
  # The same samples ahead or behind, of 3 * 8 * 16.
  assert limiter.max_diff - limiter.min_diff == 640.0
  assert limiter.min_diff == 3 * 8 * 16 - 320.0


def test_environments_of_one_actor_fill_the_same_items(
  make_spec, config, serve
):
  spec = make_spec()
  config = dataclasses.replace(
    config,
    min_replay_size=4,
    transitions_per_item=4,
    returns=quinoa.OneStep(),
    samples_per_insert_tolerance=100.0,
  )
  builder = quinoa.QuinoaBuilder(config)
  client = serve(builder.make_replay_tables(spec))
  adder = builder.make_batched_adder(client, 2)

  def observe(i, j):
    return np.array([i, j, 0], np.float32)

  for i in range(2):
    adder.add_first(i, dm_env.restart(observe(i, 0)))
  for j in range(6):
    # The first environment's episodes are of three steps.
    ends = j % 3 == 2
    timesteps = []
    for i in range(2):
      make = dm_env.termination if ends and i == 0 else dm_env.transition
      timestep = make(np.float32(10 * i + j), observe(i, j + 1))
      timesteps.append(
        timestep._replace(discount=np.float32(timestep.discount))
      )
    adder.add(np.zeros((2, 2), np.float32), timesteps)
    if ends:
      adder.add_first(0, dm_env.restart(observe(0, j + 1)))
  adder.reset()
  assert client.server_info()['priority_table'].current_size == 3
  rewards = set()
  for sample in itertools.islice(builder.make_dataset_iterator(client), 20):
    data = sample.data
    assert data.reward.shape == (config.samples_per_step,)
    # No transition is of two environments.
    which = data.observation[:, 0]
    np.testing.assert_array_equal(which, data.next_observation[:, 0])
    np.testing.assert_array_equal(
      data.reward, 10 * which + data.observation[:, 1]
    )
    np.testing.assert_array_equal(
      data.discount == 0, (which == 0) & (data.reward % 3 == 2)
    )
    rewards |= set(data.reward.tolist())
  assert rewards == {10.0 * i + j for i in range(2) for j in range(6)}


class _SummedConfig(quinoa.QuinoaConfig):
  """A transition is of two steps, and its reward their sum."""

  transition_steps = 2


def test_environments_of_one_actor_fill_sums_of_several_steps(
  make_spec, config, serve
):
  fields = {x.name: getattr(config, x.name) for x in dataclasses.fields(config)}
  config = _SummedConfig(
    **{**fields, 'min_replay_size': 4, 'returns': quinoa.OneStep()}
  )
  config = dataclasses.replace(config, samples_per_insert_tolerance=100.0)
  builder = quinoa.QuinoaBuilder(config)
  client = serve(builder.make_replay_tables(make_spec()))
  adder = builder.make_batched_adder(client, 2)
  observation = np.zeros(3, np.float32)
  for i in range(2):
    adder.add_first(i, dm_env.restart(observation))
  for j in (1, 2):
    make = dm_env.transition if j == 1 else dm_env.termination
    steps = [make(np.float32(i * j), observation) for i in (1, 10)]
    steps = [x._replace(discount=np.float32(x.discount)) for x in steps]
    adder.add(np.zeros((2, 2), np.float32), steps)
  found = set()
  for sample in itertools.islice(builder.make_dataset_iterator(client), 10):
    found |= set(sample.data.reward.tolist())
  # Each as a whole, and the shorter ones at both ends of the episode.
  wanted = [i * x for i in (1, 10) for x in (1, 1 + 2 * config.discount, 2)]
  np.testing.assert_allclose(sorted(found), sorted(wanted), rtol=1e-6)


@pytest.mark.parametrize('action_dtype', [np.float32, np.float64])
def test_transitions_come_back_from_reverb(
  make_spec, config, serve, action_dtype
):
  spec = make_spec(
    {'a': specs.Array((), np.int32), 'b': specs.Array((2,), np.float64)},
    specs.BoundedArray((2,), action_dtype, -10, 10),
  )
  config = dataclasses.replace(
    config,
    min_replay_size=4,
    batch_size=2,
    returns=quinoa.OneStep(),
    samples_per_insert=8.0,
    temperature=quinoa.FixedTemperature(0.2),
  )
  builder = quinoa.QuinoaBuilder(config)
  tables = builder.make_replay_tables(spec)
  client = serve(tables)
  adder = builder.make_adder(client)
  assert adder is not None

  def observe(i):
    return {'a': np.int32(i), 'b': np.array([i, -i], np.float64)}

  adder.add_first(dm_env.restart(observe(0)))
  for i in range(1, 5):
    make = dm_env.termination if i == 4 else dm_env.transition
    timestep = make(np.float32(i), observe(i))
    timestep = timestep._replace(discount=np.float32(timestep.discount))
    # The policy acts in float32, whatever the environment takes.
    adder.add(np.full(2, i, np.float32), timestep)
  dataset = builder.make_dataset_iterator(client)
  for sample in itertools.islice(dataset, 3):
    batch = sample.data
    assert batch.reward.shape == (4,)
    assert batch.action.dtype == action_dtype
    assert batch.observation['b'].dtype == np.float64
    np.testing.assert_array_equal(batch.action[:, 0], batch.reward)
    np.testing.assert_array_equal(batch.observation['a'], batch.reward - 1)
    np.testing.assert_array_equal(
      batch.next_observation['b'][:, 1], -batch.reward
    )
    np.testing.assert_array_equal(batch.discount, batch.reward != 4)


@pytest.mark.slow
def test_an_actor_acts_and_follows_the_learner(
  make_spec, make_networks, make_batch, as_samples, config
):
  spec = make_spec()
  networks = make_networks(spec, config)
  # Even an update that waits is made only once a period.
  config = dataclasses.replace(config, variable_update_period=2)
  builder = quinoa.QuinoaBuilder(config)
  learner = builder.make_learner(
    jax.random.PRNGKey(0),
    networks,
    as_samples(make_batch(spec, 32, seed, config.window) for seed in range(3)),
  )
  actors = [
    builder.make_actor(
      jax.random.PRNGKey(7),
      quinoa.make_policy(networks, quinoa.BaseMode()),
      variable_source=learner,
    )
    for _ in range(2)
  ]
  observation = np.ones(3, np.float32)
  for actor in actors:
    actor.observe_first(dm_env.restart(observation))
  first = [actor.select_action(observation) for actor in actors]
  np.testing.assert_array_equal(*first)
  spec.actions.validate(first[0])
  for _ in range(3):
    learner.step()
  actors[0].update(wait=True)
  np.testing.assert_array_equal(actors[0].select_action(observation), first[0])
  actors[0].update(wait=True)
  assert np.any(actors[0].select_action(observation) != first[0])
  np.testing.assert_array_equal(actors[1].select_action(observation), first[1])


@pytest.mark.slow
def test_an_actor_of_several_environments_acts_in_each_as_observed(
  make_spec, make_networks, make_batch, as_samples, config
):
  spec = make_spec()
  networks = make_networks(spec, config)
  config = dataclasses.replace(config, variable_update_period=4)
  builder = quinoa.QuinoaBuilder(config)
  learner = builder.make_learner(
    jax.random.PRNGKey(0),
    networks,
    as_samples(make_batch(spec, 32, seed, config.window) for seed in range(3)),
  )
  policy = quinoa.make_policy(networks, quinoa.BaseMode())
  number = 3
  actor = builder.make_batched_actor(
    jax.random.PRNGKey(7), policy, _Adder(), learner
  )
  one = builder.make_actor(
    jax.random.PRNGKey(7), policy, variable_source=learner
  )
  observations = list(np.random.default_rng(0).normal(size=(number, 3)))
  observations = [x.astype(np.float32) for x in observations]
  actions = actor.select_actions(observations)
  assert actions.shape == (number, 2)
  one.observe_first(dm_env.restart(observations[0]))
  np.testing.assert_allclose(
    actions, [one.select_action(x) for x in observations], atol=1e-5
  )
  for _ in range(3):
    learner.step()
  # As for an actor of one environment, it is a matter of its calls.
  for _ in range(3):
    actor.update()
    np.testing.assert_array_equal(actor.select_actions(observations), actions)
  deadline = time.monotonic() + waiting.LIMIT
  while np.all(actor.select_actions(observations) == actions):
    # The parameters come in a thread of their own.
    actor.update()
    assert time.monotonic() < deadline


class _Adder:
  """Writes down what it is given."""

  def __init__(self):
    self.seen = []

  def add_first(self, index, timestep):
    self.seen.append((index, timestep))

  def add(self, actions, next_timesteps):
    self.seen.append((actions, next_timesteps))

  def reset(self):
    pass


@pytest.mark.slow
def test_actions_of_several_environments_are_drawn_apart(
  make_spec, make_networks, as_samples, config
):
  networks = make_networks(make_spec(), config)
  builder = quinoa.QuinoaBuilder(config)
  learner = builder.make_learner(
    jax.random.PRNGKey(0), networks, as_samples([])
  )
  adder = _Adder()
  actor = builder.make_batched_actor(
    jax.random.PRNGKey(7), quinoa.make_policy(networks), adder, learner
  )
  observations = [np.ones(3, np.float32)] * 2
  first, second = (actor.select_actions(observations) for _ in range(2))
  # Neither in one call, nor in two.
  assert len({tuple(x) for x in [*first, *second]}) == 4
  restart = dm_env.restart(observations[0])
  actor.observe_first(1, restart)
  actor.observe(first, [restart, restart])
  assert adder.seen == [(1, restart), (first, [restart, restart])]


def test_an_actor_needs_parameters(make_spec, make_networks, config):
  networks = make_networks(make_spec(), config)
  with pytest.raises(ValueError, match='needs a variable_source'):
    quinoa.QuinoaBuilder(config).make_actor(
      jax.random.PRNGKey(0), quinoa.make_policy(networks)
    )


def test_acme_s_distributed_layout_takes_the_builder(
  make_networks, point_mass, config
):
  program = distributed_layout.DistributedLayout(
    seed=0,
    environment_factory=point_mass,
    network_factory=lambda spec: make_networks(spec, config),
    builder=quinoa.QuinoaBuilder(config),
    policy_network=quinoa.make_policy,
    num_actors=2,
    environment_spec=specs.make_environment_spec(point_mass(0)),
  ).build()
  assert isinstance(program, lp.Program)
  assert {'replay', 'counter', 'learner', 'actor'} <= set(program.groups)
  assert len(program.groups['actor']) == 2
