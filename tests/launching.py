"""Starts the script as a user does, and looks after its processes."""

from collections.abc import Sequence
import os
import pathlib
import subprocess
import sys
import time

import psutil
import waiting

from quinoa_acme.runs.watching import loggers

_ROOT = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = _ROOT / 'experiments' / 'run_quinoa.py'
_started: list[subprocess.Popen] = []


def start(*flags: str, **kwargs) -> subprocess.Popen:
  """Starts the script in a session of its own."""
  command = [
    str(SCRIPT),
    '--env_name=control:cartpole:balance',
    '--preset=debug',
    '--evaluation_episodes=1',
    '--eval_every=1000',
    *flags,
  ]
  return start_program(*command, **kwargs)


def start_program(
  *command: str, enter: Sequence[str] = (), **kwargs
) -> subprocess.Popen:
  """Starts a script of Python in a session of its own, by way of `enter`.

  As from a terminal it hears when that hangs up, though the tests themselves,
  perhaps under nohup, do not.
  """
  process = subprocess.Popen(
    ['env', '--default-signal=HUP', *enter, sys.executable, *command],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
    **kwargs,
  )
  _started.append(process)
  return process


def end_all() -> None:
  """Ends what a test that failed has left."""
  while _started:
    # The nodes end with their launcher.
    with _started.pop() as process:
      process.kill()


def finish(process: subprocess.Popen, timeout: float = waiting.LIMIT):
  """Waits for the script, and for every process of its session to be gone."""
  output, errors = process.communicate(timeout=timeout)
  deadline = time.monotonic() + waiting.allowed(10.0)
  while left := pids_of_session(process.pid):
    assert time.monotonic() < deadline, f'still there: {left}'
    time.sleep(0.1)
  return output, errors


def pids_of_session(session: int) -> list[int]:
  """The processes of a session."""
  found = []
  for process in psutil.process_iter():
    try:
      if os.getsid(process.pid) == session:
        found.append(process.pid)
    except (ProcessLookupError, psutil.Error):
      pass
  return found


def commands_of_session(session: int) -> list[str]:
  """The command lines of a session's processes."""
  return [
    ' '.join(psutil.Process(pid).cmdline()) for pid in pids_of_session(session)
  ]


def wait_for_learning(workdir: pathlib.Path, process: subprocess.Popen):
  """Waits for new rows of the learner, and for the first evaluation."""

  def times(label):
    path = workdir / 'logs' / f'{label}.csv'
    rows = loggers.read_rows(path) if path.exists() else []
    return [row[loggers.WALL_CLOCK] for row in rows]

  deadline = time.monotonic() + waiting.LIMIT
  started = time.time()
  while not (times('evaluator') and max(times('learner'), default=0) > started):
    assert process.poll() is None, process.communicate()
    assert time.monotonic() < deadline, 'learning did not start'
    time.sleep(0.2)
