"""Tests of what is found in the rows that a learner logged."""

import math

import pytest

from quinoa_acme.evidence import soundness


def _row(steps, kl, **more):
  return {'learner_steps': steps, 'kl_over_epsilon': kl, 'loss': 1.0, **more}


def test_the_constraint_is_looked_at_after_the_first_tenth():
  rows = [_row(10, 9.0), _row(50, 0.4), _row(80, 1.0), _row(100, 1.6)]
  found = soundness.examine(rows, [])
  assert (found.kl_low, found.kl_high) == (0.4, 1.6)
  assert found.kl_held == pytest.approx(2 / 3)
  assert found.learner_steps == 100


def test_values_that_are_not_finite_are_counted():
  rows = [_row(1, 1.0, loss=math.inf), _row(2, math.nan)]
  assert soundness.examine(rows, []).non_finite == 2


def test_v_stands_beside_what_the_policy_got():
  rows = [_row(10, 1.0, value_mean=50.0), _row(100, 1.0, value_mean=7.0)]
  evaluations = [{'discounted_return': 1.0}, {'discounted_return': 8.0}]
  found = soundness.examine(rows, evaluations)
  assert (found.value, found.discounted_return) == (7.0, 8.0)


def test_v_of_scaled_rewards_is_in_units_of_reward_again():
  rows = [_row(10, 1.0, value_mean=5.0), _row(100, 1.0, value_mean=0.7)]
  found = soundness.examine(rows, [{'discounted_return': 8.0}], 0.1)
  assert found.value == pytest.approx(7.0)
  assert found.discounted_return == 8.0


def test_an_agent_without_constraint_or_value_is_examined_too():
  found = soundness.examine([{'learner_steps': 5.0, 'loss': 1.0}], [])
  assert math.isnan(found.kl_low)
  assert math.isnan(found.kl_held)
  assert math.isnan(found.value)


def test_no_rows_are_refused():
  with pytest.raises(ValueError, match='no rows'):
    soundness.examine([], [])
