"""Locks and cores, also where the operating system has neither."""

import os
import subprocess
import sys

import pytest

from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import systems

_TRY = """
import sys
from quinoa_acme.utils import systems
with systems.folder_locked(sys.argv[1], shared=sys.argv[2] == 'shared'):
  print('held')
"""


def _try_to_lock(folder, how):
  result = subprocess.run(
    [sys.executable, '-c', _TRY, str(folder), how],
    capture_output=True,
    text=True,
    check=False,
  )
  return 'held' in result.stdout or 'BlockingIOError' not in result.stderr


@pytest.mark.parametrize(
  ('shared', 'other', 'possible'),
  [
    (False, 'alone', False),
    (False, 'shared', False),
    (True, 'alone', False),
    (True, 'shared', True),
  ],
)
def test_a_folder_is_locked_against_other_processes(
  tmp_path, shared, other, possible
):
  with systems.folder_locked(tmp_path, shared=shared):
    assert _try_to_lock(tmp_path, other) is possible
  assert _try_to_lock(tmp_path, other)


def test_a_missing_folder_is_told_with_and_without_locks(tmp_path, monkeypatch):
  for fcntl in (systems.fcntl, None):
    monkeypatch.setattr(systems, 'fcntl', fcntl)
    with (
      pytest.raises(FileNotFoundError),
      systems.folder_locked(tmp_path / 'missing'),
    ):
      pass


def test_without_locks_all_goes_on(tmp_path, monkeypatch, caplog):
  monkeypatch.setattr(systems, 'fcntl', None)
  with systems.folder_locked(tmp_path) as first:
    assert first is None
    with systems.folder_locked(tmp_path) as second:
      assert second is None
  with run_folder.hold(str(tmp_path)):
    assert (tmp_path / 'lock').read_text().startswith('process ')
  assert 'has no flock' in caplog.text


def test_the_cores_are_those_that_the_process_may_use(monkeypatch):
  assert systems.usable_cores() == sorted(os.sched_getaffinity(0))
  monkeypatch.delattr('os.sched_getaffinity')
  monkeypatch.setattr('os.cpu_count', lambda: 3)
  assert systems.usable_cores() == [0, 1, 2]


def test_a_process_is_kept_to_a_core_where_the_system_can(monkeypatch):
  [core, *_] = systems.usable_cores()
  with subprocess.Popen(
    [sys.executable, '-c', 'input()'], stdin=subprocess.PIPE
  ) as process:
    systems.keep_to_core(process.pid, core)
    assert os.sched_getaffinity(process.pid) == {core}
    monkeypatch.delattr('os.sched_setaffinity')
    systems.keep_to_core(process.pid, core + 1)
    assert os.sched_getaffinity(process.pid) == {core}
    process.communicate(b'\n')
