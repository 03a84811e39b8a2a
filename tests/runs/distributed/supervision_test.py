"""Tests of a node's process that is started again, or whose loss is told."""

import os
import signal
import subprocess
import sys

import pytest

from quinoa_acme.runs.distributed import supervision


@pytest.fixture
def started():
  """The processes that were started, which are gone after the test."""
  processes = []
  yield processes
  for process in processes:
    process.kill()
    process.wait()


def _make(started, code, can_restart=True):
  def start():
    # Without the site's start, which takes most of its time.
    process = subprocess.Popen([sys.executable, '-I', '-S', '-c', code])
    started.append(process)
    return process

  return supervision.SupervisedProcess('actor_0', start, can_restart)


_WAITS = 'import time; time.sleep(600)'
_IS_KILLED = 'import os; os.kill(os.getpid(), 9)'


def test_a_killed_process_is_started_again(started):
  process = _make(started, _WAITS)
  first = process.pid
  process.send_signal(signal.SIGKILL)
  with pytest.raises(subprocess.TimeoutExpired):
    process.wait()
  assert len(started) == 2
  assert process.pid == started[1].pid != first
  os.kill(process.pid, 0)  # It is there.
  assert process.cause is None


def test_one_that_is_killed_again_and_again_ends_the_program(started):
  process = _make(started, _IS_KILLED)
  for _ in range(3):
    with pytest.raises(subprocess.TimeoutExpired):
      process.wait()
  assert process.wait() == 1
  assert process.cause == (
    'The actor_0 was killed by SIGKILL, for the 4th time within 10 min.'
  )


def test_one_that_the_program_needs_is_told_at_once(started):
  process = _make(started, _IS_KILLED, can_restart=False)
  assert process.wait() == 1
  assert process.cause == 'The actor_0 was killed by SIGKILL.'
  early = _make(started, '', can_restart=False)
  assert early.wait() == 1
  assert early.cause == 'The actor_0 ended before the program did.'


def test_an_error_of_its_own_would_only_recur(started):
  process = _make(started, 'raise SystemExit(3)')
  assert process.wait() == 3
  assert len(started) == 1


def test_ends_are_expected_while_the_program_stops(started):
  process = _make(started, _IS_KILLED)
  process.is_stopping = lambda: True
  assert process.wait() == -signal.SIGKILL
  assert len(started) == 1
