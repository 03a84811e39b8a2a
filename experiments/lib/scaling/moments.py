"""What a distributed run has done and used so far, by its files and /proc."""

from collections.abc import Mapping
import dataclasses
import json
import os
import pathlib
import re

_ROLES = ('actor', 'learner', 'counter', 'evaluator')
_TICKS = os.sysconf('SC_CLK_TCK')


@dataclasses.dataclass(frozen=True)
class Moment:
  """What a run has done and used so far.

  Attributes:
    time: of the counts, in seconds.
    actor_steps: environment steps made.
    learner_steps: updates made.
    processor: processor seconds, by role.
    updating: processor seconds of the learner's threads that yield to no
      others; they make the updates.
    memory: MiB by role; shared memory is divided among its users.
  """

  time: float
  actor_steps: int
  learner_steps: int
  processor: Mapping[str, float]
  updating: float
  memory: Mapping[str, float]


def find_nodes(launcher: int) -> dict[int, str]:
  """Finds the processes of a program's nodes, and their roles.

  Args:
    launcher: its process number, which is its session's.

  Returns:
    Roles by process number.
  """
  found = {}
  for entry in os.listdir('/proc'):
    if not entry.isdigit():
      continue
    try:
      if os.getsid(int(entry)) == launcher:
        output = os.readlink(f'/proc/{entry}/fd/1')
        if match := re.search(r'/logs/nodes/(\w+)/\d+$', output):
          found[int(entry)] = match.group(1)
    except OSError:
      continue  # It has ended.
  return found


def look(workdir: pathlib.Path, launcher: int) -> Moment | None:
  """Reads the state of a run.

  Args:
    workdir: its folder.
    launcher: its launcher's process number.

  Returns:
    What it has done, or None if it has not written counts yet.
  """
  path = workdir / 'status.json'
  if not path.exists():
    return None
  status = json.loads(path.read_text())
  processor: dict[str, float] = dict.fromkeys(_ROLES, 0.0)
  memory: dict[str, float] = dict.fromkeys(_ROLES, 0.0)
  updating = 0.0
  for pid, role in find_nodes(launcher).items():
    folder = pathlib.Path(f'/proc/{pid}')
    seconds, niceness = _read_stat(folder)
    processor[role] += seconds
    if role == 'learner':
      threads = map(_read_stat_of_thread, folder.glob('task/*'))
      updating = sum(x for x, behind in threads if behind == niceness)
    rollup = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
    memory[role] += int(re.findall(r'^Pss: +(\d+)', rollup, re.M)[0]) / 1024
  return Moment(
    time=path.stat().st_mtime,
    actor_steps=status['actor_steps'],
    learner_steps=status['learner_steps'],
    processor=processor,
    updating=updating,
    memory=memory,
  )


def _read_stat(folder: pathlib.Path) -> tuple[float, int]:
  """Processor seconds used by a process or thread, and its niceness."""
  # Its name, in brackets before these, may have spaces.
  fields = (folder / 'stat').read_text().rpartition(')')[2].split()
  user, system, niceness = (int(fields[i]) for i in (11, 12, 16))
  return (user + system) / _TICKS, niceness


def _read_stat_of_thread(folder: pathlib.Path) -> tuple[float, int]:
  """As `_read_stat`; zero for a thread that has just ended."""
  try:
    return _read_stat(folder)
  except (FileNotFoundError, ProcessLookupError):
    return 0.0, 0


def make_row(
  before: Moment, after: Moment, batch_size: int
) -> dict[str, float]:
  """The speeds between two moments, and the nodes' resources behind them.

  Args:
    before: one moment.
    after: a later one.
    batch_size: of the learner.

  Returns:
    A row: environment steps, updates and samples per second; by role,
    processor seconds per second, and MiB of memory.
  """
  seconds = after.time - before.time
  updates = (after.learner_steps - before.learner_steps) / seconds
  row = {
    'seconds': seconds,
    'steps_per_second': (after.actor_steps - before.actor_steps) / seconds,
    'updates_per_second': updates,
    'samples_per_second': updates * batch_size,
  }
  for role in _ROLES:
    used = after.processor[role] - before.processor[role]
    row[f'{role}_processors'] = used / seconds
    row[f'{role}_mebibytes'] = after.memory[role]
  row['updating_processors'] = (after.updating - before.updating) / seconds
  return row
