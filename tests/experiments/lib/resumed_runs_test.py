"""How a resumed run is laid beside an uncut one."""

import numpy as np

from experiments.lib import csv_files
from experiments.lib import resumed_runs
from quinoa_acme.runs.watching import loggers


def _log(workdir, **values):
  logger = loggers.CSVLogger(workdir / 'logs' / 'learner.csv')
  logger.write(values)
  logger.close()


def test_rows_are_equal_but_for_what_tells_of_the_time(tmp_path):
  one, slower, other = (tmp_path / name for name in 'abc')
  _log(one, wall_clock=1.0, steps_per_second=50.0, loss=0.1)
  _log(slower, wall_clock=2.0, steps_per_second=40.0, loss=0.1)
  _log(other, wall_clock=1.0, steps_per_second=50.0, loss=0.2)
  assert resumed_runs.have_equal_rows(one, slower, ['learner'])
  assert not resumed_runs.have_equal_rows(one, other, ['learner'])


def test_a_zero_and_its_negative_differ():
  arrays = {'a': np.zeros(2), 'b': np.full(1, np.nan)}
  assert resumed_runs.are_equal(
    arrays, {k: x.copy() for k, x in arrays.items()}
  )
  assert not resumed_runs.are_equal(arrays, {**arrays, 'a': -arrays['a']})
  assert not resumed_runs.are_equal(arrays, {'a': arrays['a']})


def test_rows_take_the_place_of_those_that_are_there(tmp_path):
  table = tmp_path / 'resumed.csv'
  for steps in (1000, 2000):
    resumed_runs.write(table, [{'way': 'local_mp', 'actor_steps': steps}])
  assert csv_files.read(table) == [{'way': 'local_mp', 'actor_steps': '2000'}]
