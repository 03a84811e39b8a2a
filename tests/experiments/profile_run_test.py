"""The script that profiles a run measures each of its parts."""

from absl import flags
import experiment_scripts
import pytest


@pytest.mark.slow
def test_each_part_of_a_run_is_measured():
  with experiment_scripts.load('profile_run') as script:
    flags.FLAGS(['profile_run', '--seconds=0.1'])
    parts = {part.part: part for part in script.names['_profile_run']()}
  assert {
    'policy of one observation',
    'whole step of an actor',
    'one update, batch 256',
    'sample of a learner call from Reverb',
  } <= set(parts)
  assert all(part.clock_us > 0 for part in parts.values())
  assert '% of the' in parts['one update, batch 256'].note
