"""Rows that are printed as they are measured."""

import json

from experiments.lib import csv_files
from experiments.lib import measured_rows


def test_rows_are_printed_and_written_with_what_they_are_of(tmp_path, capsys):
  table = tmp_path / 'table.csv'
  rows = [{'speed': 1.5}, {'speed': 2.5}]
  measured_rows.tell(iter(rows), {'device': 'cpu'}, str(table))
  told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
  assert told == rows
  first, second = csv_files.read(table)
  assert (first['speed'], second['speed']) == ('1.5', '2.5')
  names = ['speed', 'device', 'python', 'jax', 'version', 'commit']
  assert list(first) == names
