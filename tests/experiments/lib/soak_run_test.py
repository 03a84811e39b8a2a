"""What is kept of a program that runs for minutes."""

import json

from experiments.lib import soak_run
from quinoa_acme.runs.watching import loggers


def test_rows_and_conditions_are_kept(tmp_path):
  table, conditions = tmp_path / 'soak.csv', tmp_path / 'soak.json'
  table.write_text("a former run's\n")
  rows = [{'minutes': 1.0, 'total_mb': 900.0}]
  soak_run.write_rows(rows, table)
  assert loggers.read_rows(table) == rows
  soak_run.write_conditions(
    conditions,
    minutes=60.0,
    warm_up=10.0,
    extra=['--preset=debug'],
    source={'commit': 'dd9e43f'},
  )
  found = json.loads(conditions.read_text())
  assert (found['minutes'], found['warm_up']) == (60.0, 10.0)
  assert found['commit'] == 'dd9e43f'
  assert found['flags'][0] == '--lp_launch_type=local_mp'
  assert found['flags'][-1] == '--preset=debug'
  assert 'jax' in found['versions']
