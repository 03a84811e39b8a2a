"""Tests of the package's own agents, which are registered as any other."""

import pytest

from quinoa_acme.agents import agents


def test_ours_are_registered_in_the_same_way():
  assert list(agents.PRESETS) == ['quinoa', 'sac', 'svg0', 'd4pg']
  assert {type(make['default']()) for make in agents.PRESETS.values()} == {
    *agents.CONFIGS.values()
  }
  for config in agents.CONFIGS.values():
    assert agents.make_agent(config()).config == config()


def test_options_of_no_agent_are_refused():
  with pytest.raises(TypeError, match='QuinoaConfig'):
    agents.make_agent(object())  # pyright: ignore[reportArgumentType]
