"""The table of what was found of flows."""

import math

import pytest

from experiments.lib import csv_files
from experiments.lib import diagnosis_table
from experiments.lib import places


def _row(seed, candidate, error) -> dict[str, str]:
  row = dict.fromkeys(diagnosis_table.COLUMNS, '1')
  return row | {'seed': seed, 'candidate': candidate, 'error': error}


def test_rows_take_the_place_of_those_that_they_are_anew(tmp_path):
  table = tmp_path / 'found.csv'
  rows = [
    _row('0', 'ensemble', '1'),
    _row('0', 'tilted', '2'),
    _row('10', 'tilted', '4'),
    _row('2', 'tilted', '3'),
  ]
  diagnosis_table.write(table, rows)
  diagnosis_table.write(table, [_row('0', 'tilted', '5')])
  found = [
    (x['seed'], x['candidate'], x['error']) for x in csv_files.read(table)
  ]
  assert found == [
    ('0', 'ensemble', '1'),
    ('0', 'tilted', '5'),
    ('2', 'tilted', '3'),
    ('10', 'tilted', '4'),
  ]
  lines = diagnosis_table.make_table(csv_files.read(table)).splitlines()
  assert lines[2].startswith('| ensemble | 1 | 1 |')
  assert lines[3].startswith('| tilted | 4 (3 to 5) | 1 |')


def test_what_is_no_number_is_an_empty_cell():
  found = [diagnosis_table.cell(x) for x in (math.nan, 1 / 3, 7, 'tilted')]
  assert found == ['', '0.33333', '7', 'tilted']


def test_a_page_without_marks_is_refused(tmp_path):
  (tmp_path / 'page.md').write_text(diagnosis_table.END)
  with pytest.raises(ValueError, match='must have the lines'):
    diagnosis_table.split(tmp_path / 'page.md')


def test_the_page_has_the_committed_numbers():
  rows = diagnosis_table.read(places.RESULTS / 'advantages.csv')
  page = (places.DOCS / 'diagnosis.md').read_text()
  assert f'\n{diagnosis_table.make_table(rows)}\n' in page
