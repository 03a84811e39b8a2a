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


def test_the_derived_numbers():
  config = dataclasses.replace(
    quinoa.QuinoaConfig(),
    batch_size=64,
    num_sgd_steps_per_step=4,
    samples_per_insert=128.0,
    min_replay_size=1000,
    samples_per_insert_tolerance=0.2,
  )
  assert config.samples_per_step == 256
  assert config.sgd_steps_per_insert == 2.0
  assert config.error_buffer == pytest.approx(0.2 * 1000 * 128)


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'learning_rate': 0.0}, r'learning_rate must be in \(0, 1\], but is 0.0'),
    ({'learning_rate': math.nan}, 'learning_rate .* nan'),
    ({'max_gradient_norm': -1.0}, 'max_gradient_norm .* -1.0'),
    ({'reward_scale': 0.0}, 'reward_scale must be positive .* is 0.0'),
    ({'samples_per_insert': math.inf}, 'samples_per_insert .* inf'),
    ({'samples_per_insert_tolerance': 0}, 'samples_per_insert_tolerance'),
    ({'batch_size': 0}, 'batch_size must be a whole number .* is 0'),
    ({'batch_size': 2.5}, 'batch_size: expected int, not 2.5'),
    ({'num_sgd_steps_per_step': 0}, 'num_sgd_steps_per_step'),
    ({'prefetch_size': 0}, 'prefetch_size'),
    ({'variable_update_period': 0}, 'variable_update_period'),
    ({'value_hidden_sizes': (8, 0)}, r'value_hidden_sizes .* \(8, 0\)'),
    ({'discount': 1.0}, r'discount must be in \[0, 1\), but is 1.0'),
    ({'discount': -0.1}, 'discount .* -0.1'),
    ({'replay_table_name': ''}, 'replay_table_name must not be empty'),
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
    # Learning would never start.
    (
      {'min_replay_size': 2000, 'max_replay_size': 1999},
      r'min_replay_size \(2000\) is above max_replay_size \(1999\)',
    ),
    # 2 * 0.1 * 100 * 256 samples of slack; 2 * 256 * 20 are taken.
    (
      {'min_replay_size': 100, 'num_sgd_steps_per_step': 20},
      'starve or deadlock.* = 5120 samples.* = 10240 samples. Raise '
      'min_replay_size',
    ),
    # A single insert would overrun the window: 0.1 * 5 < 1 inserts.
    (
      {
        'min_replay_size': 5,
        'batch_size': 1,
        'num_sgd_steps_per_step': 1,
        'temperature': quinoa.FixedTemperature(0.2),
      },
      r'= 128 to be at least max\(1, samples_per_insert \* .*\) = 256',
    ),
    # 0.1 * 1000 transitions, and an item of 101.
    ({'transitions_per_item': 101}, 'or lower transitions_per_item'),
    ({'transitions_per_item': 0}, 'transitions_per_item must be a whole'),
  ],
)
def test_what_can_not_work_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    dataclasses.replace(quinoa.QuinoaConfig(), **options)


def test_replay_settings_at_the_edge_are_taken():
  # 2 * 0.1 * 200 * 256 = 10240 samples of slack, and as many are taken.
  config = dataclasses.replace(
    quinoa.QuinoaConfig(), min_replay_size=200, num_sgd_steps_per_step=20
  )
  assert 2 * config.error_buffer == 2 * config.samples_per_step
