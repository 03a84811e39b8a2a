"""Tests of the configurations: the paper's, and what is refused."""

import dataclasses
import math

import pytest

from quinoa_acme.agents import quinoa


def test_the_paper_s_configuration():
  config = quinoa.QuinoaConfig.paper()
  assert config.learning_rate == 1e-3
  assert config.max_gradient_norm == 1.0
  assert config.target == quinoa.CopyEvery(1000)
  assert config.prior == quinoa.LaggedPrior(quinoa.CopyEvery(1000), 0.0)
  assert isinstance(config.temperature, quinoa.DualTemperature)
  assert config.temperature.epsilon < math.log(config.batch_size)


def test_a_config_is_a_frozen_value():
  assert quinoa.QuinoaConfig() == quinoa.QuinoaConfig()
  assert hash(quinoa.QuinoaConfig()) == hash(quinoa.QuinoaConfig())
  with pytest.raises(dataclasses.FrozenInstanceError):
    quinoa.QuinoaConfig().discount = 0.5  # type: ignore[misc]


def test_debug_is_the_default_algorithm():
  small, full = quinoa.QuinoaConfig.debug(), quinoa.QuinoaConfig()
  for name in ('temperature', 'prior', 'target', 'discount', 'learning_rate'):
    assert getattr(small, name) == getattr(full, name)


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'learning_rate': 0.0}, r'learning_rate must be in \(0, 1\], but is 0.0'),
    ({'learning_rate': math.nan}, 'learning_rate .* nan'),
    ({'max_gradient_norm': -1.0}, 'max_gradient_norm .* -1.0'),
    ({'reward_scale': 0.0}, 'reward_scale must be positive .* is 0.0'),
    ({'value_hidden_sizes': (8, 0)}, r'value_hidden_sizes .* \(8, 0\)'),
    # The dual has no root: the batch can not hold so much entropy.
    (
      {'temperature': quinoa.DualTemperature(6.0)},
      r'epsilon < log\(batch_size\) = 5.545, but epsilon is 6.0.*\(256\)',
    ),
    # One action a state says nothing of another policy's relative entropy.
    (
      {'temperature': quinoa.HeldQTemperature(), 'fit': quinoa.DirectFit()},
      'several actions a state, and DirectFit draws 1',
    ),
  ],
)
def test_what_can_not_work_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    dataclasses.replace(quinoa.QuinoaConfig(), **options)
