"""The page on scaling says what the committed rows say."""

import csv
import dataclasses
import pathlib

import experiment_scripts
import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_TABLE = _ROOT / 'experiments' / 'results' / 'scaling.csv'


@pytest.fixture(scope='module')
def script():
  with experiment_scripts.load('measure_scaling') as loaded:
    yield loaded.names


def _moment(script, seconds: float, steps: int, updates: int):
  roles = ('actor', 'learner', 'counter', 'evaluator')
  return script['Moment'](
    time=seconds,
    actor_steps=steps,
    learner_steps=updates,
    processor={role: seconds / 2 for role in roles},
    updating=seconds / 4,
    memory=dict.fromkeys(roles, 100.0),
  )


def test_speeds_are_differences_by_time(script):
  before, after = _moment(script, 10.0, 100, 50), _moment(script, 14.0, 300, 90)
  row = script['make_row'](before, after, 256)
  assert row['steps_per_second'] == 50.0
  assert row['updates_per_second'] == 10.0
  assert row['samples_per_second'] == 2560.0
  assert row['actor_processors'] == 0.5
  assert row['learner_mebibytes'] == 100.0
  assert row['updating_processors'] == 0.25
  assert dataclasses.is_dataclass(before)


def test_the_least_of_the_bounds_is_what_a_run_makes(script):
  costs = script['Costs'](actor=0.01, learner=0.03, updating=0.016, updates=0.5)
  calculate = script['calculate']
  # An actor's, that of the threads that update, and of processors for all.
  assert calculate(costs, 1, float('inf')) == pytest.approx(100.0)
  assert calculate(costs, 0.5, float('inf')) == pytest.approx(50.0)
  assert calculate(costs, 8, float('inf')) == pytest.approx(125.0)
  assert calculate(costs, 8, 2) == pytest.approx(80.0)


def test_the_table_of_the_page_is_that_of_the_committed_rows(script):
  with _TABLE.open(newline='') as file:
    rows = list(csv.DictReader(file))
  # Else: python experiments/measure_scaling.py --output=. --only_page
  page = (_ROOT / 'docs' / 'scaling.md').read_text()
  assert script['make_table'](rows) in page
  assert script['make_calculation'](rows) in page
