"""What is written to Reverb arrives, at once and as it was."""

import threading
import time

from acme import adders
from acme import types
from acme.utils import loggers
import dm_env
import numpy as np
import pytest
import reverb
import tree

from quinoa_acme import transition_writer
from quinoa_acme.agents import quinoa


@pytest.fixture
def spec(make_spec):
  return make_spec()


@pytest.fixture
def builder(tiny_config):
  return quinoa.QuinoaBuilder(tiny_config, loggers.NoOpLogger)


@pytest.fixture
def client(spec, builder):
  server = reverb.Server(builder.make_replay_tables(spec))
  yield server.localhost_client()
  server.stop()


def _transition(i: int) -> types.Transition:
  return types.Transition(
    observation=np.full(3, i, np.float32),
    action=np.full(2, i / 100, np.float32),
    reward=np.float32(i),
    discount=np.float32(1.0),
    next_observation=np.full(3, i + 1, np.float32),
  )


def _size(client: reverb.Client) -> int:
  return client.server_info()['priority_table'].current_size


def _wait_for(condition) -> None:
  deadline = time.monotonic() + 20
  while not condition():
    assert time.monotonic() < deadline
    time.sleep(0.01)


def test_each_transition_is_sent_at_once(client):
  writer = transition_writer.TransitionWriter(client, 'priority_table')
  for i in range(1, 4):
    writer.insert(_transition(i))
    _wait_for(lambda i=i: _size(client) == i)


def test_rows_stay_together_over_episodes(client, builder, tiny_config):
  adder = builder.make_adder(client)
  assert isinstance(adder, adders.Adder)
  steps = tiny_config.min_replay_size // 2
  for episode in range(2):
    first = 1000 * episode
    adder.add_first(dm_env.restart(np.full(3, first, np.float32)))
    for i in range(first + 1, first + steps + 1):
      timestep = dm_env.transition(np.float32(i), np.full(3, i, np.float32))
      if i == first + steps:
        timestep = dm_env.termination(timestep.reward, timestep.observation)
      elif i == first + 3:
        timestep = timestep._replace(discount=0.5)
      # Of another precision, and Python's own number, as policies and
      # environments give them.
      adder.add(np.full(2, i / 2000, np.float64), timestep)
    with pytest.raises(ValueError, match='before add_first'):
      adder.add(np.zeros(2), timestep)
  _wait_for(lambda: _size(client) == 2 * steps)
  samples = client.sample('priority_table', 50, emit_timesteps=False)
  for sample in samples:
    observation, action, reward, discount, following = sample.data
    np.testing.assert_array_equal(following, np.full(3, reward))
    np.testing.assert_array_equal(observation, np.full(3, reward - 1))
    np.testing.assert_allclose(action, np.full(2, reward / 2000), rtol=1e-6)
    step = reward % 1000
    assert discount == {3: 0.5, steps: 0.0}.get(step, 1.0)
    assert {x.dtype for x in tree.flatten(sample.data)} == {np.dtype('f4')}


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'observation': np.zeros(4, np.float32)}, r'observation as float32\(3,\)'),
    ({'reward': np.zeros(1, np.float32)}, r'reward as float32\(\)'),
    ({'action': np.zeros(2, np.int32)}, r'it is int32\(2,\)'),
    ({'extras': np.zeros(1)}, 'of 5 arrays, but this has 6'),
  ],
)
def test_what_the_table_does_not_take_is_refused(client, change, message):
  writer = transition_writer.TransitionWriter(client, 'priority_table')
  with pytest.raises(ValueError, match=message):
    writer.insert(_transition(0)._replace(**change))
  writer.insert(_transition(1))
  _wait_for(lambda: _size(client) == 1)


def test_the_limiter_holds_an_actor_back(client, tiny_config):
  writer = transition_writer.TransitionWriter(client, 'priority_table')
  made = []

  def insert():
    for i in range(10_000):
      writer.insert(_transition(i))
      made.append(i)

  thread = threading.Thread(target=insert, daemon=True)
  thread.start()
  window = tiny_config.error_buffer / tiny_config.samples_per_insert
  limit = tiny_config.min_replay_size + window
  _wait_for(lambda: len(made) >= limit)
  time.sleep(1.0)
  assert len(made) <= limit + 25
  assert _size(client) <= limit + 1
  # Sampling lets it go on.
  count = int(50 * tiny_config.samples_per_insert)
  list(client.sample('priority_table', count, emit_timesteps=False))
  _wait_for(lambda: len(made) > limit + 25)
