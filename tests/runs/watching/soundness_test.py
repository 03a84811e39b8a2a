"""Tests of what is found in the rows that a learner logged."""

import math
import re

import pytest

from quinoa_acme.runs.watching import soundness


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


def test_v_is_compared_with_what_the_policy_got_from_20000_steps_on():
  rows = [
    _row(i, 1.0, value_mean=v) for i, v in ((5, 90.0), (15, 6.0), (25, 3.0))
  ]
  evaluations = [
    {'actor_steps': steps, 'learner_steps': at, 'discounted_return': got}
    for steps, at, got in (
      (0, 0, 1.0),
      (10_000, 10, 1.0),
      (20_000, 20, 4.0),
      (30_000, 30, 6.0),
      # Nothing was learnt since, so there is no V to compare.
      (40_000, 40, 6.0),
    )
  ]
  found = soundness.examine(rows, evaluations)
  assert (found.value_ratio_low, found.value_ratio_high) == (0.5, 1.5)
  assert math.isnan(soundness.examine(rows, []).value_ratio_low)


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


def _evaluations(*returns, discounted=0.1, spread=1.0):
  """Evaluations after each 100 steps, the first one at the start."""
  return [
    {
      'actor_steps': 100.0 * i,
      'learner_steps': 100.0 * i,
      'episode_return': x,
      'episode_return_std': spread,
      'discounted_return': discounted * x,
    }
    for i, x in enumerate(returns)
  ]


def _learner(*values):
  """A learner whose V was so before each of the evaluations but the first."""
  return [
    _row(100.0 * i + steps, 1.0, value_mean=value)
    for i, value in enumerate(values)
    for steps in (50.0, 100.0)
  ]


@pytest.mark.parametrize(
  ('values', 'returns'),
  [
    # As a run of the default preset had them, and one of the paper's.
    ((2.0, 10.0, 9.0, 20.0), (4.5, 41.0, 101.0, 99.0, 211.0)),
    ((5.0, 8.0, 8.3, 8.3), (4.5, 20.0, 40.0, 50.0, 53.0)),
    # Far above at one evaluation alone, as where the return dips.
    ((5.0, 8.0, 90.0, 9.0), (4.5, 50.0, 90.0, 40.0, 90.0)),
    # Hardly anything is paid as yet.
    ((0.1, 0.3, 0.4, 0.5), (0.0, 0.0, 0.0, 0.0, 0.0)),
    # A V that begins at 0, of costs.
    ((-1.0, -9.0, -30.0, -60.0), (-900.0, -950.0, -920.0, -900.0, -800.0)),
    # Two evaluations tell nothing, nor does an agent without V.
    ((500.0,), (4.5, 41.0)),
    ((), (4.5, 41.0, 101.0)),
  ],
)
def test_of_a_sound_run_there_are_no_warnings(values, returns):
  learner, evaluator = _learner(*values), _evaluations(*returns)
  assert soundness.find_warnings(learner, evaluator) == ()


@pytest.mark.parametrize(
  ('values', 'returns', 'said'),
  [
    ((5.0, 20.0, 25.0, 30.0), (4.5, 60.0, 70.0, 80.0, 98.0), 'V is 30 .* 9.8'),
    # Of costs it can not be positive.
    ((-9.0, 20.0, 95.0), (-900.0, -950.0, -920.0, -900.0), 'V is 95 .* -90'),
  ],
)
def test_v_far_above_the_discounted_return_is_warned_of(values, returns, said):
  learner, evaluator = _learner(*values), _evaluations(*returns)
  [warning] = soundness.find_warnings(learner, evaluator)
  assert re.match(f'{said}: it is inflated', warning)
  assert soundness.find_warnings(learner[:-2], evaluator) == ()


def test_v_of_scaled_rewards_is_judged_in_units_of_reward():
  evaluator = _evaluations(4.5, 60.0, 70.0, 80.0, 98.0)
  learner = _learner(0.5, 2.0, 2.5, 3.0)
  assert soundness.find_warnings(learner, evaluator) == ()
  assert len(soundness.find_warnings(learner, evaluator, 0.1)) == 1


def test_a_return_that_falls_to_that_of_the_start_is_warned_of():
  evaluator = _evaluations(4.5, 41.0, 101.0, 12.0)
  [warning] = soundness.find_warnings([], evaluator)
  assert 'fallen to 12, from 101 at 200 steps, and began with 4.5' in warning
  repeated = [{**x, 'actor_frames': 2 * x['actor_steps']} for x in evaluator]
  [warning] = soundness.find_warnings([], repeated)
  assert 'from 101 at 200 steps (400 frames), and' in warning


@pytest.mark.parametrize(
  ('returns', 'spread'),
  [
    # A fall, but not to the start.
    ((4.5, 41.0, 101.0, 30.0), 1.0),
    # What never rose can not fall.
    ((4.5, 6.0, 3.0, 4.0), 1.0),
    # Episodes differ by more than was gained.
    ((100.0, 400.0, 700.0, 90.0), 350.0),
    # It has come up again.
    ((4.5, 101.0, 5.0, 60.0), 1.0),
  ],
)
def test_other_falls_are_not_warned_of(returns, spread):
  evaluator = _evaluations(*returns, spread=spread)
  assert soundness.find_warnings([], evaluator) == ()
