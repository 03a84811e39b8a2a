"""Tests of the time that a process could run."""

import time

from quinoa_acme.runs.watching import running_time


def test_a_long_gap_between_two_looks_is_a_stop(monkeypatch):
  now = [100.0]
  monkeypatch.setattr(time, 'monotonic', lambda: now[0])
  clock = running_time.RunningTime(longest_gap=0.5)
  for seconds in (0.2, 0.3, 3600.0, 0.25):
    now[0] += seconds
    clock.look()
  assert clock.seconds == 1.25
