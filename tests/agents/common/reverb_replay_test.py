"""Transitions come out of Reverb as Acme's, whichever went in."""

import dataclasses

from acme import types
import dm_env
import numpy as np
import pytest
import reverb

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import reverb_replay
from quinoa_acme.data import packing
from quinoa_acme.data import transitions


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
  assert isinstance(sample.data, packing.AcmeWindow) == (window > 1)
  assert transitions.num_steps(sample.data) == window
  np.testing.assert_array_equal(sample.data.reward, 1.0)
  if window > 1:
    with pytest.raises(ValueError, match=r'returns=OneStep'):
      sample.data._replace(reward=0 * sample.data.reward)
  server.stop()
