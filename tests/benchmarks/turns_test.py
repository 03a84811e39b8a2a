"""Processes that take turns."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks import turns as turns_lib

_SCRIPT = """
import os, sys
from benchmarks import turns as turns_lib
turns = turns_lib.Turns()
print('what others print is no answer')
answer = None
while True:
  message = turns.wait(answer)
  if message.get('fails'):
    raise ValueError('it is broken')
  answer = 2 * message['number']
"""

_CORES = """
import os
from benchmarks import turns as turns_lib
turns = turns_lib.Turns()
turns.wait(None)
turns.wait(sorted(os.sched_getaffinity(0)))
"""

_BY_STEP = """
import time
from benchmarks import turns as turns_lib
turns = turns_lib.TurnsByStep(turns_lib.Turns(), 3)
for i in range(9):
  turns.start()
  time.sleep(0.05)
  turns.step()
"""


@pytest.fixture
def start(tmp_path):
  def start(script):
    return turns_lib.Worker(
      'it', [sys.executable, '-c', script], {}, tmp_path / 'it.log'
    )

  return start


def test_a_worker_answers(start):
  with start(_SCRIPT) as worker:
    assert [worker.take(number=i) for i in range(3)] == [0, 2, 4]


def test_a_worker_can_be_held_to_a_core(tmp_path):
  core = max(os.sched_getaffinity(0))
  worker = turns_lib.Worker(
    'it', [sys.executable, '-c', _CORES], {}, tmp_path / 'it.log', {core}
  )
  with worker:
    assert worker.take() == [core]


def test_a_worker_that_fails_says_why(start):
  with start(_SCRIPT) as worker:
    assert worker.take(number=1) == 2
    with pytest.raises(RuntimeError, match='it is broken'):
      worker.take(fails=True)


def test_turns_by_step_do_not_count_the_wait(start):
  with start(_BY_STEP) as worker:
    worker.get_ready()
    for _ in range(3):
      # It waits meanwhile.
      time.sleep(0.5)
      started = time.perf_counter()
      seconds = worker.take()
      assert 0.15 <= seconds <= time.perf_counter() - started


def test_measures_alternate():
  calls = []

  def measure(name):
    calls.append(name)
    return float(len(calls))

  samples = turns_lib.alternate(
    {'a': lambda: measure('a'), 'b': lambda: measure('b')}, 3
  )
  assert calls == ['a', 'b', 'b', 'a', 'a', 'b']
  assert samples == {'a': [1.0, 4.0, 5.0], 'b': [2.0, 3.0, 6.0]}


@pytest.mark.slow
def test_a_row_is_measured(tmp_path):
  out = tmp_path / 'speed.json'
  command = ['-m', 'benchmarks', '--rows=actor', '--quick', f'--out={out}']
  process = subprocess.run(
    [sys.executable, *command],
    cwd=turns_lib.ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert process.returncode == 0, process.stdout + process.stderr
  assert 'actor: 0.' in process.stdout
  assert '"actor"' in out.read_text()
