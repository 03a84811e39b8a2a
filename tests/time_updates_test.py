"""The script that times learners."""

from absl import flags
import experiment_scripts
import pytest


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
