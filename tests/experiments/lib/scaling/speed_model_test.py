"""The speed of a run by what a step and an update cost."""

import math

import pytest

from experiments.lib.scaling import speed_model


def test_the_least_of_the_bounds_is_what_a_run_makes():
  costs = speed_model.Costs(
    actor=0.01, learner=0.03, updating=0.016, updates=0.5
  )
  calculate = speed_model.calculate
  # An actor's, that of the threads that update, and of processors for all.
  assert calculate(costs, 1, math.inf) == pytest.approx(100.0)
  assert calculate(costs, 0.5, math.inf) == pytest.approx(50.0)
  assert calculate(costs, 8, math.inf) == pytest.approx(125.0)
  assert calculate(costs, 8, 2) == pytest.approx(80.0)


def test_costs_are_read_off_a_run():
  costs = speed_model.read_costs(
    {
      'steps_per_second': '100',
      'updates_per_second': '50',
      'actor_processors': '0.8',
      'learner_processors': '1.0',
      'updating_processors': '0.6',
    }
  )
  assert costs == speed_model.Costs(
    actor=0.008, learner=0.02, updating=0.012, updates=0.5
  )
