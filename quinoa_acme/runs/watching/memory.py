"""How much memory a run's processes use.

For each process it is the resident set, which counts shared memory in each
process that shares it: nodes are forks of the launcher and share its code. The
total divides shared memory among its users (the kernel's proportional set), so
it is what the machine has given to the run. macOS and Windows do not tell that:
there the total leaves shared memory out (the unique set).
"""

from collections.abc import Callable, Mapping
import dataclasses
import pathlib

import psutil

from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import progress
from quinoa_acme.utils import timers

# Seconds between two measurements.
_SECONDS = 10.0
TOTAL = 'total_mb'
_MB = 1e6


def measure(pids: Mapping[str, int]) -> dict[str, float]:
  """Measures processes.

  Args:
    pids: the processes by name.

  Returns:
    MB (10^6 bytes) as '<name>_mb', and in total as `TOTAL`. A process that has
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
    total += (info.pss if hasattr(info, 'pss') else info.uss) / _MB
  return {**row, TOTAL: round(total, 3)}


def limit(
  groups: str = '/proc/self/cgroup', tree: str = '/sys/fs/cgroup'
) -> int:
  """The memory, in bytes, that this process can get.

  Args:
    groups: the file that lists the process's control groups.
    tree: the system's folder of control groups, of either version.

  Returns:
    The machine's memory, or less if a control group of the process, such as
    its container, limits it.
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
    # A group's limit holds for the groups inside it. In a container the tree
    # may begin at its own group.
    folder = root / group.lstrip('/')
    for path in (folder, *folder.parents):
      if path.is_relative_to(root) and (path / name).exists():
        text = (path / name).read_text().strip()
        # No limit is 'max', or a number beyond any machine's.
        limits += [int(text)] if text.isdecimal() else []
  return min(limits)


class MemoryLog:
  """Measures a run from time to time; its rows go to the nodes' logs."""

  def __init__(
    self,
    workdir: str,
    pids: Callable[[], Mapping[str, int]],
    last_step: float,
    action_repeat: int = 1,
    tensorboard: bool = True,
  ):
    """Opens the log.

    Args:
      workdir: the run's folder.
      pids: returns the run's processes by name.
      last_step: the environment step from which the run resumes.
      action_repeat: frames in an environment step.
      tensorboard: whether TensorBoard gets the rows too.
    """
    self._pids = pids
    self._timer = timers.Timer(_SECONDS, is_over=True)
    self._total: float | None = None
    self._logger = loggers.make_logger(
      workdir,
      'memory',
      steps_key='actor_steps',
      last_step=last_step,
      action_repeat=action_repeat,
      tensorboard=tensorboard,
    )

  def add_to(self, status: progress.Status) -> progress.Status:
    """Measures if it is due, and adds the last total to a status.

    Raises:
      OSError: if the row cannot be written.
    """
    if self._timer.is_over():
      self._timer.restart()
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
