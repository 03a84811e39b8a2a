"""Tests of reading a log that grows, is written anew, and loses rows."""

import contextlib

import pytest

from quinoa_acme.runs.watching import csv_rows
from quinoa_acme.runs.watching import loggers


def _write(path, *rows):
  with contextlib.closing(loggers.CSVLogger(path)) as logger:
    for row in rows:
      logger.write(row)


@pytest.fixture
def log(tmp_path):
  """A log that is followed: its path, its reader, and what was read."""
  path, found = tmp_path / 'a.csv', []

  def read():
    rows = reader.read()
    found.extend(rows)
    return rows

  def is_new(row):
    return not found or row['step'] > found[-1]['step']

  reader = csv_rows.NewRows(path, is_new)
  return path, read


def test_each_row_is_read_once(log):
  path, read = log
  assert read() == []
  path.touch()
  assert read() == []
  _write(path, {'step': 1, 'loss': 0.5})
  assert read() == [{'step': 1.0, 'loss': 0.5}]
  assert read() == []
  _write(path, {'step': 2}, {'step': 3, 'loss': 'nan'})
  first, second = read()
  assert first == {'step': 2.0}
  assert second['loss'] != second['loss']


def test_a_torn_row_is_read_when_it_is_whole(log):
  path, read = log
  _write(path, {'step': 1})
  read()
  with path.open('a') as file:
    file.write('2')
    file.flush()
    assert read() == []
    file.write('5\n')
  assert read() == [{'step': 25.0}]


def test_a_new_column_gives_no_row_twice(log):
  path, read = log
  _write(path, {'step': 1})
  read()
  _write(path, {'step': 2}, {'step': 3, 'new': 4})
  assert read() == [{'step': 2.0}, {'step': 3.0, 'new': 4.0}]


@pytest.mark.parametrize('num_more', [1, 5])
def test_dropped_rows_leave_the_place_right(log, num_more):
  path, read = log
  _write(path, *({'step': i} for i in range(1, 5)))
  read()
  loggers.drop_rows_after(path, 'step', 2)
  rows = [{'step': 5.0 + i} for i in range(num_more)]
  _write(path, {'step': 3}, *rows)
  assert read() == rows


def test_a_text_is_refused(log):
  path, read = log
  path.write_text('step\nmany\n')
  with pytest.raises(ValueError, match='many'):
    read()
