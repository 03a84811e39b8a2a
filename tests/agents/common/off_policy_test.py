"""Tests of the options of replay and pace, which all agents share."""

import dataclasses
import math

import pytest

from quinoa_acme.agents.common import off_policy


def test_the_derived_numbers():
  config = dataclasses.replace(
    off_policy.OffPolicyConfig(),
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
    ({'samples_per_insert': math.inf}, 'samples_per_insert .* inf'),
    ({'samples_per_insert_tolerance': 0}, 'samples_per_insert_tolerance'),
    ({'batch_size': 0}, 'batch_size must be a whole number .* is 0'),
    ({'batch_size': 2.5}, 'batch_size: expected int, not 2.5'),
    ({'num_sgd_steps_per_step': 0}, 'num_sgd_steps_per_step'),
    ({'prefetch_size': 0}, 'prefetch_size'),
    ({'variable_update_period': 0}, 'variable_update_period'),
    ({'discount': 1.0}, r'discount must be in \[0, 1\), but is 1.0'),
    ({'discount': -0.1}, 'discount .* -0.1'),
    ({'replay_table_name': ''}, 'replay_table_name must not be empty'),
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
    off_policy.OffPolicyConfig(**options)


def test_replay_settings_at_the_edge_are_taken():
  # 2 * 0.1 * 200 * 256 = 10240 samples of slack, and as many are taken.
  config = dataclasses.replace(
    off_policy.OffPolicyConfig(), min_replay_size=200, num_sgd_steps_per_step=20
  )
  assert 2 * config.error_buffer == 2 * config.samples_per_step
