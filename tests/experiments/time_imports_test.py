"""The script that times imports."""

import functools

from absl import flags
import experiment_scripts
import pytest

from experiments.lib import csv_files
from experiments.lib import import_times


@pytest.mark.slow
def test_what_is_imported_takes_its_time(monkeypatch, tmp_path):
  table = tmp_path / 'imports.csv'
  statements = ('import quinoa_acme', 'import jax')
  assert set(statements) < set(import_times.STATEMENTS)
  fewer = functools.partial(import_times.measure, statements, 1)
  monkeypatch.setattr(import_times, 'measure', fewer)
  with experiment_scripts.load('time_imports') as script:
    flags.FLAGS(['time_imports', f'--output={table}'])
    script.names['main'](['time_imports'])
  rows = csv_files.read(table)
  package, jax = (float(row['clock_seconds']) for row in rows)
  # The package imports nothing of its own.
  assert package < jax
