"""Each part of a run is profiled."""

import pytest

from experiments.lib import run_profile
from experiments.lib import timing


@pytest.mark.slow
def test_each_part_of_a_run_is_measured():
  timer = timing.Timer(seconds=0.1)
  parts = {part.part: part for part in run_profile.profile(timer)}
  assert {
    'policy of one observation',
    'whole step of an actor',
    'one update, batch 256',
    'sample of a learner call from Reverb',
  } <= set(parts)
  assert all(part.clock_us > 0 for part in parts.values())
  assert '% of the' in parts['one update, batch 256'].note
