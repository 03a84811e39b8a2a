"""Tests of transitions in Reverb: packed, served, and with their age."""

import dataclasses
import threading
from types import SimpleNamespace

from acme import specs
from acme import types
from acme.adders import reverb as adders_reverb
import dm_env
import hypothesis
from hypothesis import strategies
import numpy as np
import pytest
import reverb
import tree
import waiting

from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import reverb_replay
from quinoa_acme.data import adders
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import transitions

_DTYPES = (np.float32, np.float64, np.int32, np.uint8, np.bool_)
_SHAPES = ((), (1,), (3,), (2, 3), (0,))


@strategies.composite
def _arrays(draw):
  return specs.Array(
    draw(strategies.sampled_from(_SHAPES)),
    draw(strategies.sampled_from(_DTYPES)),
    'part',
  )


_OBSERVATIONS = strategies.recursive(
  _arrays(),
  lambda parts: strategies.one_of(
    strategies.dictionaries(strategies.sampled_from('cab'), parts, min_size=1),
    strategies.tuples(parts, parts),
  ),
  max_leaves=4,
)


def _make_spec(observations, actions=None):
  return specs.EnvironmentSpec(
    observations=observations,
    actions=actions or specs.BoundedArray((2,), np.float64, -1, 1),
    rewards=specs.Array((), np.float32),
    discounts=specs.BoundedArray((), np.float32, 0, 1),
  )


def _draw(spec, rng):
  return tree.map_structure(
    lambda x: rng.integers(0, 2, x.shape).astype(x.dtype), spec
  )


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(_OBSERVATIONS, strategies.integers(0, 99))
def test_what_is_unpacked_is_what_was_packed(observations, seed):
  spec = _make_spec(observations)
  rng = np.random.default_rng(seed)
  rows = [
    types.Transition(
      _draw(spec.observations, rng),
      _draw(spec.actions, rng),
      _draw(spec.rewards, rng),
      _draw(spec.discounts, rng),
      _draw(spec.observations, rng),
    )
    for _ in range(3)
  ]
  layout = reverb_replay.Packing(spec)
  packed = np.stack([layout.pack(row) for row in rows])
  assert packed.shape == (3, layout.num_bytes)
  # As the other side of a server knows it.
  other = reverb_replay.Packing.from_signature(layout.signature())
  unpacked = other.unpack(packed)
  expected = tree.map_structure(lambda *leaves: np.stack(leaves), *rows)
  tree.assert_same_structure(unpacked, expected)
  for left, right in zip(
    tree.flatten(unpacked), tree.flatten(expected), strict=True
  ):
    assert left.dtype == right.dtype
    np.testing.assert_array_equal(left, right)


@pytest.fixture
def spec():
  return _make_spec({'a': specs.Array((2,), np.float32)})


@pytest.fixture
def serve():
  """Serves a table that gives each item once, in order."""
  servers = []

  def serve(signature, max_size=100):
    servers.append(
      reverb.Server(
        [
          reverb.Table(
            'table',
            sampler=reverb.selectors.Fifo(),
            remover=reverb.selectors.Fifo(),
            max_size=max_size,
            max_times_sampled=1,
            rate_limiter=reverb.rate_limiters.Queue(max_size),
            signature=signature,
          )
        ]
      )
    )
    return servers[-1].localhost_client()

  yield serve
  for server in servers:
    server.stop()


def _transition(i):
  return types.Transition(
    observation={'a': np.full(2, i, np.float32)},
    action=np.full(2, i / 100),
    reward=np.float32(i),
    discount=np.float32(1.0),
    next_observation={'a': np.full(2, i + 1, np.float32)},
  )


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'action': np.zeros(3)}, r'action should be float64 \[2\].*\[3\]'),
    ({'action': np.zeros(2, complex)}, 'action should be float64.*complex'),
    ({'reward': np.zeros(1)}, r'reward should be float32 \[\], .*\[1\]'),
    ({'observation': {'a': np.zeros(3)}}, r"the observation\['a'\] should be"),
    ({'extras': (1.0,)}, 'extras should be a sequence of 0 parts, but has 1'),
    ({'reward': None}, r'reward should be float32 \[\], but is None'),
    ({'observation': {'b': np.zeros(2)}}, r"keys \['a'\], but has \['b'\]"),
    ({'reward': 1e300}, r'reward should be .* has 1e\+300.*does not hold'),
  ],
)
def test_what_does_not_fit_is_refused(serve, spec, change, message):
  layout = reverb_replay.Packing(spec)
  client = serve(layout.signature())
  writer = reverb_replay.PackedWriter(client, 'table')
  with pytest.raises(ValueError, match=message):
    writer.insert(_transition(0)._replace(**change))
  # And nothing of it is left behind.
  writer.insert(_transition(1))
  [found] = _read(client, 1)
  np.testing.assert_array_equal(np.ravel(found), layout.pack(_transition(1)))


def _read(client, num_items):
  samples = client.sample('table', num_items, emit_timesteps=False)
  return [sample.data for sample in samples]


def _episodes(spec, rng):
  """Two episodes, the second cut off."""
  for length in (4, 3):
    yield dm_env.restart(_draw(spec.observations, rng))
    for step in range(length):
      ends = step == length - 1
      yield dm_env.TimeStep(
        dm_env.StepType.LAST if ends else dm_env.StepType.MID,
        np.float32(rng.normal()),
        np.float32(length == 3 or not ends),
        _draw(spec.observations, rng),
      )


def test_what_is_added_is_what_acme_s_adder_adds(serve, spec):
  layout = reverb_replay.Packing(spec)
  ours = serve(layout.signature())
  acme_s = serve(adders_reverb.NStepTransitionAdder.signature(spec))
  for adder in (
    adders.ReplayAdder(reverb_replay.PackedWriter(ours, 'table')),
    adders_reverb.NStepTransitionAdder(
      acme_s, 1, 1.0, priority_fns={'table': None}
    ),
  ):
    rng = np.random.default_rng(1)
    for timestep in _episodes(spec, np.random.default_rng(0)):
      if timestep.first():
        adder.add_first(timestep)
      else:
        adder.add(rng.uniform(-1, 1, 2), timestep)
  found = layout.unpack(np.stack(_read(ours, 7)).reshape(7, -1))
  for left, right in zip(
    tree.flatten(found),
    zip(*map(tree.flatten, _read(acme_s, 7)), strict=True),
    strict=True,
  ):
    np.testing.assert_array_equal(left, np.stack(right).reshape(left.shape))


def test_a_window_comes_back_as_it_was_added(serve, spec):
  layout = reverb_replay.Packing(spec, window=3)
  client = serve(layout.signature())
  replay = replay_lib.TransitionReplay(spec, 10, 0, window=3)
  for inserter in (reverb_replay.PackedWriter(client, 'table'), replay):
    adder = adders.make_adder(inserter, 1, 3, 0.9)
    rng = np.random.default_rng(1)
    for timestep in _episodes(spec, np.random.default_rng(0)):
      if timestep.first():
        adder.add_first(timestep)
      else:
        adder.add(rng.uniform(-1, 1, 2), timestep)
  signature = client.server_info()['table'].signature
  found = reverb_replay.Packing.from_signature(signature).unpack(
    np.stack(_read(client, 7)).reshape(7, -1)
  )
  kept = replay.state().columns
  for left, right in zip(tree.flatten(found), kept, strict=True):
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize('window', [1, 3])
def test_an_episode_is_in_the_table_when_it_has_ended(serve, spec, window):
  """Reverb drops what a writer has not sent when it goes."""
  client = serve(reverb_replay.Packing(spec, window).signature())
  for i in range(1, 11):
    adder = adders.make_adder(
      reverb_replay.PackedWriter(client, 'table'), 1, window, 0.9
    )
    adder.add_first(dm_env.restart({'a': np.zeros(2, np.float32)}))
    for make in (dm_env.transition, dm_env.termination):
      observation = {'a': np.full(2, i, np.float32)}
      adder.add(np.zeros(2), make(np.float32(i), observation))
    del adder
    assert client.server_info()['table'].current_size == 2 * i


def test_the_limiter_holds_a_writer_back_until_it_is_sampled(serve, spec):
  layout = reverb_replay.Packing(spec)
  client = serve(layout.signature(), max_size=10)
  writer = reverb_replay.PackedWriter(client, 'table')
  made = []

  def insert():
    for i in range(40):
      writer.insert(_transition(i))
      made.append(i)

  thread = threading.Thread(target=insert, daemon=True)
  thread.start()
  waiting.wait_until(lambda: len(made) >= 10, 'a table that is full')
  thread.join(1.0)
  # In the table, and in flight.
  assert 10 <= len(made) <= 20
  found = layout.unpack(np.stack(_read(client, 40)).reshape(40, -1))
  np.testing.assert_array_equal(found.reward, np.arange(40))
  thread.join(waiting.LIMIT)
  assert len(made) == 40


def test_a_table_of_another_kind_is_named(serve, spec):
  client = serve(adders_reverb.NStepTransitionAdder.signature(spec))
  with pytest.raises(ValueError, match='does not hold packed transitions'):
    reverb_replay.PackedWriter(client, 'table')


def test_an_item_holds_the_transitions_that_filled_it(serve, spec):
  layout = reverb_replay.Packing(spec, transitions_per_item=4)
  client = serve(layout.signature())
  writer = reverb_replay.PackedWriter(client, 'table')
  for i in range(11):
    writer.insert(_transition(i))
  writer.flush()
  # Three wait for a fourth.
  assert client.server_info()['table'].current_size == 2
  signature = client.server_info()['table'].signature
  layout = reverb_replay.Packing.from_signature(signature)
  assert layout.transitions_per_item == 4
  items = np.stack(_read(client, 2)).reshape(2, 4, -1)
  found = [layout.unpack(item).reward for item in items]
  np.testing.assert_array_equal(found, np.arange(8).reshape(2, 4))


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(_OBSERVATIONS, strategies.integers(0, 99))
def test_a_batch_is_packed_as_its_transitions_are(observations, seed):
  spec = _make_spec(observations)
  layout = reverb_replay.Packing(spec, window=2)
  rng = np.random.default_rng(seed)
  each = [_draw(transitions.make_spec(spec, 2), rng) for _ in range(3)]
  batch = tree.map_structure(lambda *leaves: np.stack(leaves), *each)
  np.testing.assert_array_equal(
    layout.pack_batch(batch), [layout.pack(transition) for transition in each]
  )


@pytest.mark.parametrize('number', [1, 4])
def test_batches_fill_items_as_single_transitions_do(serve, spec, number):
  layout = reverb_replay.Packing(spec, transitions_per_item=number)
  client = serve(layout.signature())
  writer = reverb_replay.PackedWriter(client, 'table')
  made = 0
  for size in (3, 1, 6, 2):
    each = [_transition(made + i) for i in range(size)]
    if size == 1:
      writer.insert(each[0])
    else:
      writer.insert_batch(
        tree.map_structure(lambda *leaves: np.stack(leaves), *each)
      )
    made += size
  writer.flush()
  assert client.server_info()['table'].current_size == 12 // number
  items = np.stack(_read(client, 12 // number)).reshape(12, -1)
  np.testing.assert_array_equal(layout.unpack(items).reward, np.arange(12))


def test_a_batch_that_does_not_fit_is_refused(spec):
  layout = reverb_replay.Packing(spec)
  batch = tree.map_structure(lambda leaf: np.stack([leaf] * 2), _transition(0))
  with pytest.raises(ValueError, match=r'action should be float64 \[2, 2\]'):
    layout.pack_batch(batch._replace(action=np.zeros((2, 3))))
  with pytest.raises(ValueError, match=r'reward should be float32 \[2\]'):
    layout.pack_batch(batch._replace(reward=np.zeros(3)))
  with pytest.raises(ValueError, match='extras should be a sequence'):
    layout.pack_batch(batch._replace(extras=np.zeros(2)))


def test_what_does_not_fit_is_in_no_item(serve, spec):
  layout = reverb_replay.Packing(spec, transitions_per_item=2)
  client = serve(layout.signature())
  writer = reverb_replay.PackedWriter(client, 'table')
  writer.insert(_transition(0))
  with pytest.raises(ValueError, match='reward should be'):
    writer.insert(_transition(1)._replace(reward=np.zeros(1)))
  writer.insert(_transition(2))
  [item] = _read(client, 1)
  found = layout.unpack(np.reshape(item, (2, -1)))
  np.testing.assert_array_equal(found.reward, [0.0, 2.0])


@pytest.mark.parametrize('number', [1, 3])
def test_each_transition_of_an_item_is_as_likely(spec, number):
  layout = reverb_replay.Packing(spec, transitions_per_item=number)
  size = 3000
  packed = np.stack([layout.pack(_transition(i)) for i in range(number)])
  data = np.tile(packed if number > 1 else packed[0], (size, 1, 1))
  sample = reverb.ReplaySample(
    reverb.SampleInfo(
      key=np.arange(size),
      probability=np.full(size, 0.5),
      table_size=np.full(size, 2),
      priority=np.full(size, 7.0),
    ),
    data if number > 1 else data[:, 0],
  )
  found = layout.unpack_sample(sample, np.random.default_rng(0))
  counts = np.bincount(found.data.reward.astype(int), minlength=number)
  # Within five standard deviations.
  deviation = np.sqrt(size * (1 / number) * (1 - 1 / number))
  np.testing.assert_allclose(counts, size / number, atol=5 * deviation)
  # Its parts stay together, and the table is told of in transitions.
  np.testing.assert_array_equal(
    found.data.next_observation['a'][:, 0], found.data.reward + 1
  )
  np.testing.assert_allclose(found.info.probability, 0.5 / number)
  np.testing.assert_array_equal(found.info.table_size, 2 * number)
  np.testing.assert_array_equal(found.info.priority, 7.0)


@pytest.mark.parametrize('window', [1, 3])
def test_samples_are_acmes_transitions(make_spec, tiny_config, window):
  returns = quinoa.OneStep() if window == 1 else quinoa.SoftReturn(window)
  config = dataclasses.replace(
    tiny_config,
    returns=returns,
    min_replay_size=1,
    samples_per_insert_tolerance=1e9,
  )
  assert config.window == window
  server = reverb.Server(
    reverb_replay.make_tables(config, make_spec(), 'QuinoaBuilder')
  )
  client = reverb.Client(f'localhost:{server.port}')
  adder = reverb_replay.make_adder(config, client)
  observation = np.zeros(3, np.float32)
  adder.add_first(dm_env.restart(observation))
  adder.add(np.zeros(2, np.float32), dm_env.termination(1.0, observation))
  sample = next(reverb_replay.make_dataset(config, client))
  assert isinstance(sample, reverb.ReplaySample)
  assert isinstance(sample.data, types.Transition)
  assert isinstance(sample.data, reverb_replay.AcmeWindow) == (window > 1)
  assert transitions.num_steps(sample.data) == window
  np.testing.assert_array_equal(sample.data.reward, 1.0)
  if window > 1:
    with pytest.raises(ValueError, match=r'returns=OneStep'):
      sample.data._replace(reward=0 * sample.data.reward)
  server.stop()


@pytest.mark.parametrize('config', [quinoa.QuinoaConfig, sac.SACConfig])
def test_any_agents_adder_stores_the_steps_made_before(make_spec, config):
  spec = make_spec()
  agent = (
    quinoa.QuinoaAgent(config.debug())
    if config is quinoa.QuinoaConfig
    else sac.SACAgent(config.debug())
  )
  builder = agent.make_builder(spec, lambda: None)
  [table] = builder.make_replay_tables(spec)
  server = reverb.Server(
    [
      reverb.Table(
        table.name,
        sampler=reverb.selectors.Fifo(),
        remover=reverb.selectors.Fifo(),
        max_size=100,
        max_times_sampled=1,
        rate_limiter=reverb.rate_limiters.MinSize(1),
        signature=table.info.signature,
      )
    ]
  )
  steps = SimpleNamespace(made=1000)
  client = reverb_replay.StampingClient(
    server.localhost_client(), lambda: steps.made
  )
  adder = builder.make_adder(client)
  observation = np.zeros(3, np.float32)
  adder.add_first(dm_env.restart(observation))
  for _ in range(4):
    timestep = dm_env.transition(
      np.float32(steps.made), observation, np.float32(1.0)
    )
    adder.add(np.zeros(2, np.float32), timestep)
    steps.made += 7
  adder.reset()
  # A window is stored with its last step.
  expected = [1000.0, 1007.0, 1014.0, 1021.0][agent.config.window - 1 :]
  found = [
    float(sample.info.priority)
    for sample in server.localhost_client().sample(
      table.name, len(expected), emit_timesteps=False
    )
  ]
  assert found == expected
  server.stop()
