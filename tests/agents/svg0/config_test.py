"""Tests of SVG(0)'s options: what is refused, and what a command line gives."""

import pytest

from quinoa_acme.agents import svg0
from quinoa_acme.utils import options


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    (
      {'policy_learning_rate': 0.0},
      r'policy_learning_rate must be in \(0, 1\]',
    ),
    (
      {'critic_learning_rate': -1.0},
      r'critic_learning_rate must be in \(0, 1\]',
    ),
    ({'critic_hidden_sizes': (8, 0)}, 'critic_hidden_sizes must be whole'),
    ({'num_actions': 0}, 'num_actions must be a whole number of at least 1'),
    ({'discount': 1.0}, r'discount must be in \[0, 1\)'),
  ],
)
def test_options_of_no_sense_are_refused(changes, message):
  with pytest.raises(ValueError, match=message):
    svg0.SVG0Config(**changes)


@pytest.mark.parametrize(
  'option', [svg0.EntropyRegularisation, svg0.KLRegularisation]
)
def test_a_weight_is_positive(option):
  with pytest.raises(ValueError, match='weight must be positive'):
    option(weight=0.0)


def test_composed_options_are_read_from_a_command_line():
  config = options.replace(
    svg0.SVG0Config.debug(),
    {
      'policy': 'ClippedGaussianConfig(initial_scale=0.5, hidden_sizes=(8,))',
      'regularisation': 'KLRegularisation(0.1, averaging=Polyak(0.01))',
      'evaluation_policy': 'Sample',
      'target': 'CopyEvery(100)',
    },
  )
  assert config.policy == svg0.ClippedGaussianConfig((8,), 0.5)
  assert config.regularisation == svg0.KLRegularisation(0.1, svg0.Polyak(0.01))
  assert config.evaluation_policy == svg0.Sample()
  plain = options.to_plain(config)
  assert options.from_plain(plain, svg0.SVG0Config) == config
