"""How much memory a run's processes take.

Of each process it is the resident set, which counts what processes share in
each of them: nodes are forks of the launcher, and have its code in common. The
total divides what is shared by those that share it (the kernel's proportional
set), so that it is what the machine has given to the run.
"""

from collections.abc import Callable, Mapping
import dataclasses
import pathlib
import time

import psutil

from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import progress

# Seconds between two measurements.
_SECONDS = 10.0
TOTAL = 'total_mb'
_MB = 1e6


def measure(pids: Mapping[str, int]) -> dict[str, float]:
  """Measures processes.

  Args:
    pids: the processes by name.

  Returns:
    MB (10^6 bytes) by '<name>_mb', and in all by `TOTAL`. A process that has
    just ended is left out.
  """
  row: dict[str, float] = {}
  total = 0.0
  for name, pid in pids.items():
    try:
      info = psutil.Process(pid).memory_full_info()
    except psutil.Error:
      continue
    row[f'{name}_mb'] = round(info.rss / _MB, 3)
    total += info.pss / _MB
  return {**row, TOTAL: round(total, 3)}


def limit(
  groups: str = '/proc/self/cgroup', tree: str = '/sys/fs/cgroup'
) -> int:
  """The bytes of memory that this process can come to have.

  Args:
    groups: the file that says of which control groups the process is.
    tree: where the system has these, of either version.

  Returns:
    The machine's memory, or what a control group of the process, e.g. its
    container, leaves of that.
  """
  limits = [psutil.virtual_memory().total]
  try:
    lines = pathlib.Path(groups).read_text().splitlines()
  except OSError:  # None on this system.
    return limits[0]
  for line in lines:
    _, controllers, group = line.split(':', 2)
    if not controllers:
      root, name = pathlib.Path(tree), 'memory.max'
    elif 'memory' in controllers.split(','):
      root, name = pathlib.Path(tree, 'memory'), 'memory.limit_in_bytes'
    else:
      continue
    # That of a group holds for those within it. In a container the tree may
    # begin at its own.
    folder = root / group.lstrip('/')
    for path in (folder, *folder.parents):
      if path.is_relative_to(root) and (path / name).exists():
        text = (path / name).read_text().strip()
        # A group without a limit says 'max', or a number beyond all machines'.
        limits += [int(text)] if text.isdecimal() else []
  return min(limits)


class MemoryLog:
  """Measures a run now and then; rows go where those of its nodes go."""

  def __init__(
    self,
    workdir: str,
    pids: Callable[[], Mapping[str, int]],
    last_step: float,
  ):
    """Opens the log.

    Args:
      workdir: the run's folder.
      pids: gives the run's processes by name.
      last_step: the environment step that the run goes on from.
    """
    self._pids = pids
    self._next_time = 0.0
    self._total: float | None = None
    self._logger = loggers.make_logger(
      workdir, 'memory', steps_key='actor_steps', last_step=last_step
    )

  def add_to(self, status: progress.Status) -> progress.Status:
    """Measures if it is time to, and adds the last total to a status.

    Raises:
      OSError: if the row can not be written.
    """
    now = time.monotonic()
    if now >= self._next_time:
      self._next_time = now + _SECONDS
      row = measure(self._pids())
      self._total = row[TOTAL]
      self._logger.write(
        {
          'actor_steps': status.actor_steps,
          'learner_steps': status.learner_steps,
          **row,
        }
      )
    return dataclasses.replace(status, memory_mb=self._total)

  def close(self) -> None:
    """Closes the log."""
    self._logger.close()
