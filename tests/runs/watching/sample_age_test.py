"""Tests of how old samples are, in one process and with Reverb."""

import itertools
import types

from acme import types as acme_types
import dm_env
import numpy as np
import pytest
import reverb

from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.runs.watching import sample_age


def _transition(i: int) -> acme_types.Transition:
  return acme_types.Transition(
    observation=np.full(3, i, np.float32),
    action=np.zeros(2, np.float32),
    reward=np.float32(i),
    discount=np.float32(1.0),
    next_observation=np.full(3, i + 1, np.float32),
  )


@pytest.mark.parametrize('num_inserted', [1, 4, 5, 13])
def test_the_age_in_one_process_is_the_number_of_later_inserts(
  make_spec, num_inserted
):
  replay = replay_lib.TransitionReplay(make_spec(), max_size=5, seed=0)
  for i in range(num_inserted):
    replay.insert(_transition(i))
  for sample in itertools.islice(replay.as_iterator(7), 3):
    # The reward tells which insert it was.
    np.testing.assert_array_equal(sample.info.priority, sample.data.reward)
    assert set(sample.info.table_size) == {min(num_inserted, 5)}


def test_the_mean_is_of_the_steps_made_since(as_samples):
  def sample(made_before, size):
    info = reverb.SampleInfo(
      key=np.arange(2),
      probability=np.ones(2),
      table_size=np.array([size - 1, size]),
      priority=np.array(made_before),
    )
    return reverb.ReplaySample(info, None)

  samples = iter([sample([10.0, 20.0], 8), sample([40.0, 40.0], 9)])
  ages = sample_age.SampleAges(samples)
  assert ages.measure(100) == {}
  assert ages.last is None
  next(ages)
  assert ages.measure(100) == {'sample_age': 85.0, 'replay_size': 8}
  # What the learner knows of the actors may be of a moment ago.
  next(ages)
  assert ages.measure(39) == {'sample_age': 0.0, 'replay_size': 9}
  assert ages.last == 0.0


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
  steps = types.SimpleNamespace(made=1000)
  client = sample_age.StampingClient(
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
