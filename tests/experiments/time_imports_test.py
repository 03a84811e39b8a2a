"""The script that times imports."""

import csv

from absl import flags
import experiment_scripts
import pytest


@pytest.mark.slow
def test_what_is_imported_takes_its_time(monkeypatch, tmp_path):
  table = tmp_path / 'imports.csv'
  with experiment_scripts.load('time_imports') as script:
    main = script.names['main']
    statements = ('import quinoa_acme', 'import jax')
    assert set(statements) < set(script.names['_STATEMENTS'])
    for name, value in (('_REPEATS', 1), ('_STATEMENTS', statements)):
      monkeypatch.setitem(main.__globals__, name, value)
    flags.FLAGS(['time_imports', f'--output={table}'])
    main(['time_imports'])
  with table.open(newline='') as file:
    package, jax = (float(x['clock_seconds']) for x in csv.DictReader(file))
  # The package imports nothing of its own.
  assert package < jax
