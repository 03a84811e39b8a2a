"""Tests of the interquartile mean and of its intervals."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from experiments.lib import bootstrap

_QUICK = bootstrap.Bootstrap(num_resamples=500)
_TASKS = st.lists(
  st.lists(st.floats(0, 1000), min_size=2, max_size=6).map(np.array),
  min_size=1,
  max_size=4,
)


def test_the_quarter_of_the_runs_at_each_end_does_not_count():
  scores = [np.array([0.0, 10.0, 20.0, 1000.0]), np.array([11.0, -500.0])]
  # Sorted: -500, 0, 10, 11, 20, 1000; one of six is cut at each end.
  assert bootstrap.interquartile_mean(scores) == pytest.approx(41 / 4)
  assert bootstrap.interquartile_mean([np.array([1.0, 2.0, 6.0])]) == 3.0


@settings(max_examples=30, deadline=None)
@given(_TASKS, st.integers(0, 10))
def test_an_interval_lies_within_the_runs_and_is_the_same_again(scores, seed):
  options = bootstrap.Bootstrap(num_resamples=200, seed=seed)
  found = bootstrap.interval(scores, options)
  together = np.concatenate(scores)
  assert found == bootstrap.interval(scores, options)
  slack = 1e-9 * (1 + np.max(np.abs(together)))
  assert together.min() - slack <= found.low <= found.high
  assert found.high <= together.max() + slack


@settings(max_examples=30, deadline=None)
@given(_TASKS, st.floats(-100, 100))
def test_a_shift_of_all_runs_shifts_the_interval(scores, shift):
  before = bootstrap.interval(scores, _QUICK)
  after = bootstrap.interval([task + shift for task in scores], _QUICK)
  for name in ('estimate', 'low', 'high'):
    assert getattr(after, name) == pytest.approx(
      getattr(before, name) + shift, abs=1e-6
    )


def test_resamples_keep_the_number_of_runs_of_each_task():
  # Were the tasks mixed, resamples of 6 runs would differ in their mean.
  scores = [np.zeros(3), np.full(3, 900.0)]
  found = bootstrap.interval(scores, _QUICK)
  assert (found.low, found.high) == (found.estimate, found.estimate)


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
  rng = np.random.default_rng(0)
  covered = 0
  for seed in range(200):
    scores = [rng.normal(mean, 50.0, 10) for mean in (-100.0, 0.0, 100.0)]
    options = bootstrap.Bootstrap(num_resamples=300, seed=seed)
    found = bootstrap.interval(scores, options)
    # By symmetry the interquartile mean of ever more runs is zero.
    covered += found.low <= 0.0 <= found.high
  assert 0.89 <= covered / 200 <= 0.99


def test_a_difference_that_is_there_is_seen():
  rng = np.random.default_rng(1)
  old = [rng.normal(500, 20, 5) for _ in range(3)]
  same = [rng.normal(500, 20, 5) for _ in range(3)]
  worse = [task - 100 for task in same]
  nothing = bootstrap.difference(same, old)
  assert nothing.low < 0 < nothing.high
  loss = bootstrap.difference(worse, old)
  assert loss.high < 0
  assert loss.estimate == pytest.approx(nothing.estimate - 100)


@pytest.mark.parametrize(
  ('scores', 'message'),
  [
    ([np.array([1.0, 2.0]), np.array([3.0])], 'at least 2 runs of each task'),
    ([np.array([])], 'at least 2 runs'),
  ],
)
def test_too_few_runs_have_no_interval(scores, message):
  with pytest.raises(ValueError, match=message):
    bootstrap.interval(scores)


def test_options_of_no_sense_are_refused():
  with pytest.raises(ValueError, match='confidence must be in'):
    bootstrap.Bootstrap(confidence=95)
  with pytest.raises(ValueError, match='num_resamples must be'):
    bootstrap.Bootstrap(num_resamples=0)
  with pytest.raises(ValueError, match='no runs'):
    bootstrap.interquartile_mean([np.array([])])
