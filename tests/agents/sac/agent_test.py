"""Tests of the options of Acme's SAC."""

import pytest

from quinoa_acme.agents import agents
from quinoa_acme.agents import sac


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
  ],
)
def test_options_of_no_sense_are_refused(options, message):
  with pytest.raises(ValueError, match=message):
    sac.SACConfig(**options)
