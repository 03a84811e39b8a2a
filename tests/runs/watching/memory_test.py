"""Tests of the measurement of memory."""

import os
import subprocess
import sys

import psutil
import pytest

from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import memory
from quinoa_acme.runs.watching import progress


def test_what_a_process_takes_is_seen():
  # A process of its own: this one's other threads take and give back too.
  script = (
    'input()\nblock = b"1" * 50_000_000\nprint("taken", flush=True)\ninput()'
  )
  with subprocess.Popen(
    [sys.executable, '-c', script],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  ) as process:
    assert process.stdin is not None
    assert process.stdout is not None
    before = memory.measure({'run': process.pid})
    process.stdin.write('\n')
    process.stdin.flush()
    assert process.stdout.readline() == 'taken\n'
    after = memory.measure({'run': process.pid})
    process.kill()
  for key in ('run_mb', 'total_mb'):
    assert 45 < after[key] - before[key] < 70, key


# The child does nothing that another thread of its parent might hold up.
@pytest.mark.filterwarnings(r'ignore:os.fork\(\) was called:RuntimeWarning')
def test_what_processes_share_is_counted_once_in_the_total():
  # A fork of this process shares nearly all of its memory.
  pid = os.fork()
  if pid == 0:
    os.closerange(0, 3)
    while os.getppid() != 1:
      os.sched_yield()
    os._exit(0)
  try:
    row = memory.measure({'parent': os.getpid(), 'fork': pid})
  finally:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
  assert row['fork_mb'] > 0.5 * row['parent_mb']
  assert row['total_mb'] < 0.8 * (row['parent_mb'] + row['fork_mb'])


def test_a_process_that_has_ended_is_left_out():
  process = subprocess.Popen([sys.executable, '-c', ''])
  process.wait()
  row = memory.measure({'gone': process.pid, 'run': os.getpid()})
  assert set(row) == {'run_mb', 'total_mb'}


def test_rows_are_written_now_and_then_and_go_on(tmp_path, monkeypatch):
  monkeypatch.setattr(memory, '_SECONDS', 0.0)
  pids = {'run': os.getpid()}

  def write(last_step, *steps):
    log = memory.MemoryLog(str(tmp_path), lambda: pids, last_step)
    for step in steps:
      status = progress.Status(actor_steps=step, training_return=2.0)
      shown = log.add_to(status)
      assert shown.memory_mb is not None
      assert shown.memory_mb > 10
      assert shown.training_return == 2.0
    log.close()

  write(0, 0, 100, 200)
  # It goes on from step 150, so that what came later is dropped.
  write(150, 160)
  path = tmp_path / 'logs' / 'memory.csv'
  rows = loggers.read_rows(path)
  assert [row['actor_steps'] for row in rows] == [0, 100, 160]
  assert set(rows[0]) == {
    'wall_clock',
    'actor_steps',
    'learner_steps',
    'run_mb',
    'total_mb',
  }
  assert list((tmp_path / 'tensorboard' / 'memory').iterdir())
  monkeypatch.setattr(memory, '_SECONDS', 3600.0)
  write(160, 170, 180, 190)
  rows = loggers.read_rows(path)
  assert [row['actor_steps'] for row in rows] == [0, 100, 160, 170]


@pytest.mark.parametrize(
  ('groups', 'files', 'expected'),
  [
    ('', {}, None),
    ('0::/user/run', {'user/memory.max': '5000', 'memory.max': 'max'}, 5000),
    ('0::/user/run', {'user/run/memory.max': '7', 'user/memory.max': '8'}, 7),
    # A container's tree may begin at its own group.
    ('0::/user/run', {'memory.max': '6000'}, 6000),
    ('0::/', {'memory.max': str(10**18)}, None),
    (
      '5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/',
      {
        'memory/a/memory.limit_in_bytes': '3000',
        'memory/a/b/memory.limit_in_bytes': '9223372036854771712',
        'cpu/a/memory.limit_in_bytes': '1',
      },
      3000,
    ),
  ],
)
def test_the_limit_of_a_control_group_counts(tmp_path, groups, files, expected):
  (tmp_path / 'groups').write_text(groups)
  tree = tmp_path / 'tree'
  for name, text in files.items():
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text(text + '\n')
  found = memory.limit(str(tmp_path / 'groups'), str(tree))
  machine = psutil.virtual_memory().total
  assert found == (machine if expected is None else expected)
  assert memory.limit(str(tmp_path / 'none')) == machine
  assert 0 < memory.limit() <= machine
