"""How learners are timed, and the page with what was found."""

import pytest

from experiments.lib import csv_files
from experiments.lib import places
from experiments.lib import update_times


@pytest.mark.slow
def test_a_row_has_quartiles_about_the_median():
  (row,) = update_times.measure(
    ['svg0'], batch_size=32, num_sgd_steps=2, num_calls=3
  )
  assert row['learner'] == 'svg0'
  assert row['batch_size'] == 32
  assert row['updates_per_call'] == 2
  assert (
    0.0
    < row['lower_quartile']
    <= row['updates_per_second']
    <= row['upper_quartile']
  )
  # The first call compiles, and is in no speed.
  assert row['first_call_seconds'] > 2 / row['updates_per_second']


def test_the_page_on_scaling_has_every_committed_row():
  page = (places.DOCS / 'scaling.md').read_text()
  rows = csv_files.read(places.RESULTS / 'update_times.csv')
  assert rows
  for row in rows:
    device = 'one core' if row['device'] == 'cpu' else row['device']
    sizes = f'{row["batch_size"]} | {row["updates_per_call"]}'
    speed = float(row['updates_per_second'])
    line = next(
      line
      for line in page.splitlines()
      if f'| {device} | {sizes} | ' in line and f'| {speed:,.0f} |' in line
    )
    assert line.endswith(f' {speed * int(row["batch_size"]):,.0f} |')
