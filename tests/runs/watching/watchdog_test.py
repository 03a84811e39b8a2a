"""Tests of what notices an environment that hangs, in real processes."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest
import waiting

_PROGRAM = pathlib.Path(__file__).parents[2] / 'programs' / 'slow_steps.py'

pytestmark = pytest.mark.slow


def _start(limit: float, num_sleeps: int) -> subprocess.Popen:
  """Starts a step of `num_sleeps` * 0.05 s; it is under way when this ends."""
  process = subprocess.Popen(
    [sys.executable, str(_PROGRAM), str(limit), str(num_sleeps)],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert process.stdout is not None
  assert process.stdout.readline() == 'inside\n'
  return process


def test_a_process_that_was_stopped_in_a_step_is_not_hung():
  process = _start(limit=2.0, num_sleeps=10)
  process.send_signal(signal.SIGSTOP)
  # Longer than the limit; nothing is waited for but the clock.
  time.sleep(3.0)
  process.send_signal(signal.SIGCONT)
  _, errors = process.communicate(timeout=waiting.LIMIT)
  assert process.returncode == 0, errors


def test_a_step_that_takes_too_long_is_hung_though_it_was_stopped_before():
  process = _start(limit=2.0, num_sleeps=100_000)
  process.send_signal(signal.SIGSTOP)
  time.sleep(0.5)
  process.send_signal(signal.SIGCONT)
  _, errors = process.communicate(timeout=waiting.LIMIT)
  assert process.returncode == 1
  assert 'environment of the test has made no step for 2 s' in errors
