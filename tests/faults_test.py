"""What a program does when a part of it, or the machine, fails.

Every test here launches real processes. docs/faults.md lists the faults.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import launching
import pytest
import waiting

from quinoa_acme.runs.watching import loggers
from quinoa_acme.utils import checkpointing

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _end_processes():
  yield
  launching.end_all()


# Of the debug preset.
_MAX_REPLAY_SIZE = 10_000
# As a notebook's kernel or pytest has them.
_ARGUMENTS_OF_ANOTHER = ('-f', 'kernel.json', '-v', '--help')
_PROGRAMS = pathlib.Path(__file__).parent / 'programs'


def _pids_of(launcher: subprocess.Popen) -> dict[str, int]:
  """The processes of a program by the file that they print to."""
  pids = {}
  for pid in launching.pids_of_session(launcher.pid):
    try:
      output = os.readlink(f'/proc/{pid}/fd/1')
    except OSError:
      continue
    if match := re.search(r'/logs/nodes/(\w+)/(\d+)$', output):
      pids['_'.join(match.groups())] = pid
  return pids


def _wait_until(condition, process: subprocess.Popen, what: str) -> None:
  deadline = time.monotonic() + waiting.LIMIT
  while not condition():
    assert process.poll() is None, process.communicate()
    assert time.monotonic() < deadline, f'waited in vain for {what}'
    time.sleep(0.1)


def _steps(workdir: pathlib.Path, label: str, key: str) -> list[float]:
  path = workdir / 'logs' / f'{label}.csv'
  return [row.get(key, 0.0) for row in loggers.read_rows(path)]


def _start(workdir: pathlib.Path, *flags: str, **kwargs) -> subprocess.Popen:
  return launching.start(
    '--lp_launch_type=local_mp',
    '--num_steps=1000000',
    f'--workdir={workdir}',
    *flags,
    **kwargs,
  )


def _check_restarts(process: subprocess.Popen, workdir: pathlib.Path) -> None:
  """Kills an actor and the evaluator, which come back and do their work."""
  killed = ('actor_1', 'evaluator_0')
  before = _pids_of(process)
  rows = {
    label: len(_steps(workdir, label, 'actor_steps'))
    for label in ('actor_1', 'evaluator')
  }
  for name in killed:
    os.kill(before[name], signal.SIGKILL)

  def are_back():
    return all(
      len(_steps(workdir, label, 'actor_steps')) > number
      for label, number in rows.items()
    )

  _wait_until(are_back, process, 'rows of actor and evaluator')
  after = _pids_of(process)
  for name in before:
    assert (before[name] != after[name]) == (name in killed)


def _check_a_second_program_is_refused(workdir: pathlib.Path) -> None:
  process = _start(workdir, '--num_actors=2')
  _, errors = launching.finish(process)
  assert process.returncode == 1
  assert 'is in use by process' in errors.strip().splitlines()[-1]


def _steps_made(workdir: pathlib.Path) -> int:
  path = workdir / 'checkpoints' / 'counts.json'
  return int(json.loads(path.read_text())['actor_steps'])


def _check_goes_on(workdir: pathlib.Path, begun: float, steps: int) -> None:
  """The first rows of a program that began at `begun`, after so many steps.

  Replay holds more than what it has inserted itself.
  """
  rows = loggers.read_rows(workdir / 'logs' / 'learner.csv')
  first = next(row for row in rows if row['wall_clock'] > begun)
  assert first['actor_steps'] >= steps
  inserted = first['actor_steps'] - steps
  assert first['replay_size'] - inserted > 0.5 * min(steps, _MAX_REPLAY_SIZE)


def _last_checkpoint(workdir: pathlib.Path) -> pathlib.Path:
  return max(
    (workdir / 'checkpoints' / 'learner').glob('checkpoint-*.npz'),
    key=lambda path: path.stat().st_mtime,
  )


def _tear_checkpoints(workdir: pathlib.Path) -> list[str]:
  """Cuts off the ends of the last ones of learner and replay; their names."""
  folder = workdir / 'checkpoints'
  learner = _last_checkpoint(workdir)
  wholes = (folder / 'replay').glob('*/*/DONE')
  replay = max((path.parent for path in wholes), key=lambda path: path.name)
  for path in (learner, *replay.glob('*.tfrecord')):
    os.truncate(path, path.stat().st_size // 2)
  return [learner.name, replay.name]


def test_what_is_killed_is_started_again_or_ends_the_program(tmp_path):
  kept = tmp_path / 'checkpoints' / 'replay' / 'kept'
  steps, torn = 0, []
  for lost in ('learner', 'counter'):
    begun = time.time()
    process = _start(
      tmp_path,
      '--num_actors=2',
      '--checkpoint_every=1.0',
      '--replay_checkpoints=ReplayCheckpoints(every=1.0)',
    )
    launching.wait_for_learning(tmp_path, process)
    if steps:
      _check_goes_on(tmp_path, begun, steps)
    if lost == 'learner':
      _check_restarts(process, tmp_path)
      _check_a_second_program_is_refused(tmp_path)
    # Two, of which the last is to be torn.
    _wait_until(
      lambda: len(list(kept.glob('*/DONE'))) > 1,
      process,
      'checkpoints of the replay',
    )
    os.kill(_pids_of(process)[f'{lost}_0'], signal.SIGKILL)
    killed, killed_at = time.monotonic(), time.time()
    _, errors = launching.finish(process)
    assert time.monotonic() - killed < waiting.allowed(10.0)
    assert process.returncode == 1, errors
    if lost != 'learner':
      # Which waits for no answer of who is gone, and loses no step.
      last = _last_checkpoint(tmp_path)
      assert last.stat().st_mtime > killed_at
      rows = _steps(tmp_path, 'learner', 'learner_steps')
      assert checkpointing.latest_step(last.parent) >= rows[-1]
    last_line = errors.strip().splitlines()[-1]
    assert last_line == f'The {lost} was killed by SIGKILL.'
    if lost == 'learner':
      for name in ('actor_1', 'evaluator'):
        assert f'The {name} was killed by SIGKILL; it is started' in errors
    for name in torn:
      assert re.search(f'Skipping .*{re.escape(name)}', errors)
    steps = _steps_made(tmp_path)
    if lost == 'learner':
      torn = _tear_checkpoints(tmp_path)
  # Each program went on where the one before was.
  for label, key in (
    ('learner', 'learner_steps'),
    ('evaluator', 'actor_steps'),
    ('actor_0', 'actor_steps'),
  ):
    steps = _steps(tmp_path, label, key)
    assert steps == sorted(set(steps))


@pytest.mark.parametrize(
  ('way', 'launch_type', 'message'),
  [
    ('raises', 'local_mp', 'The .* failed: .*the simulator is on fire'),
    ('hangs', 'local_mp', r'The .* failed: .*no step for \d+ s: its step'),
    ('hangs', 'none', r'environment of the run has made no step for \d+ s'),
    ('is not finite', 'local_mp', 'a reward that is not finite at step 151'),
  ],
)
def test_a_failing_environment_ends_the_run(
  way, launch_type, message, tmp_path
):
  script = _PROGRAMS / 'failing_environment.py'
  process = launching.start_program(
    str(script), str(tmp_path), way, launch_type, *_ARGUMENTS_OF_ANOTHER
  )
  _, errors = launching.finish(process)
  assert process.returncode == 1
  assert re.search(message, errors.strip().splitlines()[-1])


@pytest.mark.parametrize(
  ('number', 'message'),
  [
    (0, 'The counter failed: .*Failed to start Courier gRPC server'),
    (2, 'The replay failed: .*Failed to BuildAndStart gRPC server'),
  ],
)
def test_a_port_in_use_is_said(number, message, tmp_path):
  process = launching.start_program(
    str(_PROGRAMS / 'port_in_use.py'), str(tmp_path), str(number)
  )
  _, errors = launching.finish(process)
  assert process.returncode == 1
  assert re.match(message, errors.strip().splitlines()[-1])


def test_a_signal_ends_a_run_whose_servers_block(tmp_path):
  script = _PROGRAMS / 'blocking_servers.py'
  process = launching.start_program(str(script), str(tmp_path))
  launching.wait_for_learning(tmp_path, process)
  os.killpg(process.pid, signal.SIGINT)
  asked = time.monotonic()
  output, errors = launching.finish(process)
  assert process.returncode == 0, errors
  assert 'Stopped after' in output
  assert time.monotonic() - asked < waiting.allowed(20.0)


def test_a_second_signal_ends_the_run_at_once(tmp_path):
  process = _start(tmp_path)
  launching.wait_for_learning(tmp_path, process)
  asked = time.monotonic()
  # On a busy machine the first may not be taken yet when the second comes.
  while process.poll() is None:
    # As a terminal does: to every process of the group.
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.5)
  launching.finish(process)
  assert time.monotonic() - asked < waiting.allowed(10.0)


@pytest.fixture
def small_disk(tmp_path):
  """Makes a file system of 16 MB, as only this test's processes see it.

  Gives what starts a command that sees it, and where it is for everyone else.
  """
  folder = tmp_path / 'disk'
  folder.mkdir()
  # In a namespace of its own, so that it is gone with the holder.
  as_root = ['--user', '--map-root-user'] if os.getuid() else []
  mount = f'mount -t tmpfs -o size=16m tmpfs {folder} && echo && sleep infinity'
  with subprocess.Popen(
    ['unshare', *as_root, '--mount', 'sh', '-c', mount],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    start_new_session=True,
  ) as holder:
    assert holder.stdout is not None
    if not holder.stdout.readline():
      pytest.skip('This machine lets nobody mount a tmpfs.')
    enter = ['nsenter', f'--target={holder.pid}', '--mount']
    if as_root:
      enter += ['--user', '--preserve-credentials']
    yield enter, folder, pathlib.Path(f'/proc/{holder.pid}/root{folder}')
    os.killpg(holder.pid, signal.SIGKILL)


def test_a_full_disk_ends_the_run_which_goes_on_when_there_is_room(small_disk):
  enter, folder, seen = small_disk
  process = _start(folder, enter=enter)
  launching.wait_for_learning(seen, process)
  checkpoints = seen / 'checkpoints' / 'learner'
  filler = seen / 'filler'
  # To the last byte, and what the program frees too.
  with filler.open('wb', buffering=0) as file:
    while process.poll() is None:
      try:
        file.write(bytes(4096))
      except OSError:
        time.sleep(0.001)
  _, errors = launching.finish(process)
  assert process.returncode == 1
  assert 'No space left on device' in errors.strip().splitlines()[-1]
  before = checkpointing.latest_step(checkpoints) or 0
  filler.unlink()
  process = _start(folder, enter=enter)
  launching.wait_for_learning(seen, process)
  process.send_signal(signal.SIGTERM)
  # SIGTERM twice is as once.
  time.sleep(0.5)
  process.send_signal(signal.SIGTERM)
  _, errors = launching.finish(process)
  assert process.returncode == 0, errors
  after = checkpointing.latest_step(checkpoints)
  assert after is not None
  assert after > before
