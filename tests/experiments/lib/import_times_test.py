"""How long imports take."""

import subprocess

import pytest

from experiments.lib import import_times


def test_each_statement_has_a_row():
  [row] = import_times.measure(['import json'], repeats=1)
  assert tuple(row) == import_times.COLUMNS
  assert row['statement'] == 'import json'
  # On a busy machine Python alone may take longer than with the import.
  assert all(float(row[name]) >= 0.0 for name in import_times.COLUMNS[1:])


def test_a_statement_that_fails_is_not_timed():
  with pytest.raises(subprocess.CalledProcessError):
    list(import_times.measure(['raise SystemExit(1)'], repeats=1))
