"""The script that times learners, and the page with what it found."""

import csv
import pathlib

from absl import flags
import experiment_scripts
import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def script():
  with experiment_scripts.load('time_updates') as loaded:
    flags.FLAGS.mark_as_parsed()
    yield loaded.names


@pytest.mark.slow
def test_a_row_has_quartiles_about_the_median(script):
  flags.FLAGS.num_calls = 3
  (row,) = script['measure'](['svg0'], batch_size=32, num_sgd_steps=2)
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


@pytest.mark.parametrize('texts', [[], ['0'], ['1', 'none'], ['-1']])
def test_numbers_are_whole_and_above_zero(script, texts):
  with pytest.raises(ValueError, match='--batch_sizes='):
    script['_read_numbers']('batch_sizes', texts)


def test_the_page_on_scaling_has_every_committed_row():
  page = (_ROOT / 'docs' / 'scaling.md').read_text()
  table = _ROOT / 'experiments' / 'results' / 'update_times.csv'
  with table.open(newline='') as file:
    rows = list(csv.DictReader(file))
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
