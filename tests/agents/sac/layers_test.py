"""Tests of the options for SAC's layers."""

import pytest

from quinoa_acme.agents import sac


@pytest.mark.parametrize(
  'name', ['policy_width', 'policy_blocks', 'critic_width', 'critic_blocks']
)
def test_sizes_of_no_sense_are_refused(name):
  with pytest.raises(ValueError, match=f'{name} must be a whole number'):
    sac.ResidualBlocks(**{name: 0})


def test_blocks_have_their_own_normalisation():
  preset = sac.SACConfig.layer_norm_three_steps()
  with pytest.raises(ValueError, match=r'LayerNorm\(\) is for PlainLayers'):
    sac.SACConfig(critic_norm=preset.critic_norm, layers=sac.ResidualBlocks())
