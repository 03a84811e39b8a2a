"""Tests of D4PG's options: Acme's, and what is refused."""

import math

from acme.agents.jax import d4pg as acme_d4pg
import pytest

from quinoa_acme.agents import d4pg


def test_the_defaults_are_acmes():
  ours, theirs = d4pg.D4PGConfig(), acme_d4pg.D4PGConfig()
  for name in ('sigma', 'target_update_period', 'n_step', 'learning_rate'):
    assert getattr(ours, name) == getattr(theirs, name)
  assert ours.transition_steps == ours.n_step


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'min_value': 1.0, 'max_value': 1.0}, 'must be below max_value'),
    ({'max_value': math.inf}, 'max_value must be in'),
    ({'num_atoms': 1}, 'num_atoms must be a whole number'),
    ({'n_step': 0}, 'n_step must be a whole number'),
    ({'sigma': -0.1}, 'sigma must'),
    ({'critic_hidden_sizes': (0,)}, 'critic_hidden_sizes'),
    ({'transitions_per_item': 2}, "Acme's table holds transitions one by one"),
  ],
)
def test_what_can_not_work_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    d4pg.D4PGConfig(**options)
