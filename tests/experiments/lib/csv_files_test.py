"""Tables as CSV files."""

import pytest

from experiments.lib import csv_files


def test_rows_are_written_and_read(tmp_path):
  table = tmp_path / 'table.csv'
  table.write_text('something else\n')
  csv_files.write(table, ['a', 'b'], [{'b': 2, 'a': 'one, two'}])
  assert table.read_bytes() == b'a,b\n"one, two",2\n'
  assert csv_files.read(table) == [{'a': 'one, two', 'b': '2'}]


def test_a_cell_of_no_column_is_refused(tmp_path):
  with pytest.raises(ValueError, match="'c'"):
    csv_files.write(tmp_path / 'table.csv', ['a'], [{'a': 1, 'c': 2}])
