"""The page on scaling says what the committed rows say."""

import pytest

from experiments.lib import csv_files
from experiments.lib import places
from experiments.lib.scaling import page


def test_the_tables_of_the_page_are_those_of_the_committed_rows():
  rows = csv_files.read(places.RESULTS / 'scaling.csv')
  # Else: python experiments/measure_scaling.py --output=. --only_page
  text = (places.DOCS / 'scaling.md').read_text()
  before, after = page.read(places.DOCS / 'scaling.md')
  assert text == f'{before}{page.make_tables(rows)}{after}'


def test_a_page_without_marks_is_refused(tmp_path):
  other = tmp_path / 'other.md'
  other.write_text('No tables.')
  with pytest.raises(ValueError, match='must have the marks'):
    page.read(other)
