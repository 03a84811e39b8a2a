"""Tests of trials: whole episodes, and the interval of their mean."""

import itertools

import numpy as np
import pytest

from quinoa_acme.runs import trials


def test_episodes_are_whole_and_shown_step_by_step(point_mass):
  shown = []
  episodes = trials.run_episodes(
    lambda observation: -np.sign(observation[:1]), point_mass(0), shown.append
  )
  rewards = list(itertools.islice(episodes, 2))
  assert [len(episode) for episode in rewards] == [50, 50]
  assert all(np.ptp(episode) > 0.5 for episode in rewards)
  # The start, and each step.
  assert shown == [0] * 51 + [1] * 51


def test_the_interval_is_student_s():
  # 2.776 is the quantile of t with four degrees of freedom in any table.
  result = trials.mean_return([1.0, 2.0, 3.0, 4.0, 5.0])
  reach = 2.776445 * np.sqrt(2.5 / 5)
  assert result.mean == 3.0
  assert result.low == pytest.approx(3.0 - reach)
  assert result.high == pytest.approx(3.0 + reach)
  assert str(result) == (
    "3.0, 95 % interval 1.0 to 5.0 (Student's t, 5 episodes)"
  )


def test_the_interval_holds_the_mean_as_often_as_it_says():
  rng = np.random.default_rng(0)
  results = [
    trials.mean_return(rng.normal(7.0, 2.0, 6).tolist()) for _ in range(2000)
  ]
  held = np.mean([x.low <= 7.0 <= x.high for x in results])
  assert held == pytest.approx(0.95, abs=0.015)


def test_equal_returns_and_a_single_one():
  equal = trials.mean_return([2.0, 2.0, 2.0])
  assert (equal.low, equal.high) == (2.0, 2.0)
  one = trials.mean_return([2.0])
  assert (one.low, one.high) == (None, None)
  assert str(one) == '2.0 (one episode, so no interval)'
  with pytest.raises(ValueError, match='no episode'):
    trials.mean_return([])
