"""Tests of SAC's options: Acme's, its presets, and what is refused."""

from acme.agents.jax import sac as acme_sac
import pytest

from quinoa_acme import networks
from quinoa_acme.agents import sac


def test_the_defaults_are_acmes():
  ours, theirs = sac.SACConfig(), acme_sac.SACConfig()
  for name in ('learning_rate', 'n_step', 'tau', 'batch_size', 'discount'):
    assert getattr(ours, name) == getattr(theirs, name)


def test_the_presets_are_what_they_are_named_for():
  three_steps = sac.SACConfig.layer_norm_three_steps()
  assert three_steps.transition_steps == 3
  assert three_steps.critic_norm == networks.LayerNorm()
  simba = sac.SACConfig.simba()
  assert simba.sgd_steps_per_insert == 2.0
  assert simba.num_critics == 1
  assert simba.observations == sac.NormalisedObservations()


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'num_critics': 0}, 'num_critics must be a whole number'),
    ({'tau': 1.5}, r'tau must be in \(0, 1\]'),
    ({'weight_decay': -1.0}, 'weight_decay must'),
    ({'weight_decay': 1e4}, r'learning_rate \* weight_decay must be at most 1'),
    ({'initial_temperature': 1e-5}, 'initial_temperature must'),
    (
      {'critic_norm': networks.LayerNorm(), 'layers': sac.ResidualBlocks()},
      'is for PlainLayers',
    ),
    ({'transitions_per_item': 2}, "Acme's table holds transitions one by one"),
  ],
)
def test_what_can_not_work_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    sac.SACConfig(**options)
