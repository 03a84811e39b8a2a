"""Tests of the program's actors."""

import dataclasses
import threading
import time

from acme import wrappers
import pytest
import reverb
import waiting

from quinoa_acme.agents import quinoa
from quinoa_acme.runs.distributed import actor_node
from quinoa_acme.runs.distributed import coordinator as coordinator_lib


class _Counts(coordinator_lib.Coordinator):
  """Notes what is in replay when an actor says that it is done."""

  def __init__(self, config, client: reverb.Client):
    super().__init__(config)
    self._client = client
    self.inserted = None

  def report_done(self, role):
    [table] = self._client.server_info().values()
    self.inserted = table.current_size
    super().report_done(role)


@pytest.mark.slow
def test_what_an_actor_has_made_is_in_replay_when_it_is_done(
  config, stop, policy_source
):
  """The last few are at the limiter, in the middle of an episode."""
  agent = config.agent
  let_in = agent.min_replay_size + agent.error_buffer / agent.samples_per_insert
  # The transitions that end after the last step are never whole.
  config = dataclasses.replace(
    config, num_actors=1, num_steps=int(let_in) + 3 + agent.window - 1
  )
  builder = quinoa.QuinoaBuilder(agent)
  server = reverb.Server(builder.make_replay_tables(config.make_spec()))
  client = server.localhost_client()
  counts = _Counts(config, client)
  node = threading.Thread(
    target=actor_node.run_actor,
    args=(config, 0, client, policy_source, counts),
    daemon=True,
  )
  node.start()
  waiting.wait_until(counts.should_finish, 'the last step')
  # It hears of the end by itself, twice a second at most.
  time.sleep(2.0)
  assert counts.inserted is None
  list(
    client.sample(
      agent.replay_table_name, 10 * agent.batch_size, emit_timesteps=False
    )
  )
  waiting.wait_until(lambda: counts.inserted is not None, 'the last insert')
  stop.set()
  node.join(waiting.LIMIT)
  assert counts.inserted == let_in + 3


class _Counted(wrappers.EnvironmentWrapper):
  """Notes the frames that are made."""

  def __init__(self, environment, frames):
    super().__init__(environment)
    self._frames = frames

  def step(self, action):
    timestep = self._environment.step(action)
    self._frames.append(timestep)
    return timestep


@pytest.mark.slow
def test_an_actor_of_several_environments_fills_the_replay(
  config, stop, policy_source
):
  seeds, frames = [], []

  def make_environment(seed):
    seeds.append(seed)
    return _Counted(config.environment_factory(seed), frames)

  agent = dataclasses.replace(config.agent, transitions_per_item=4)
  several = dataclasses.replace(
    config,
    agent=agent,
    environment_factory=make_environment,
    action_repeat=2,
    num_actors=1,
    environments_per_actor=3,
    num_steps=110,
  )
  builder = quinoa.QuinoaBuilder(agent)
  server = reverb.Server(builder.make_replay_tables(config.make_spec()))
  client = server.localhost_client()
  counts = _Counts(several, client)
  node = threading.Thread(
    target=actor_node.run_actor,
    args=(several, 0, client, policy_source, counts),
    daemon=True,
  )
  node.start()
  waiting.wait_until(lambda: counts.inserted is not None, 'the last insert')
  stop.set()
  node.join(waiting.LIMIT)
  # 37 steps in each; the last window of three steps begins at the 35th, and one
  # transition of the 105 waits for others.
  assert counts.get_counts()['actor_steps'] == 111
  assert len(frames) == 222
  assert counts.inserted == 26
  assert len(set(seeds)) == 3
