"""Checks that this machine can hold a run's actors, before any starts."""

from collections.abc import Iterator
import os
import pathlib
import resource

from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.watching import memory as memory_lib

# The least that an actor needs, measured with a task of the Control Suite: a
# process takes 110 MB (its shared memory divided) and 24 threads; an actor
# among the threads of one process takes 4 MB and 2 threads.
_OF_A_PROCESS = (50e6, 12)
_OF_A_THREAD = (2e6, 1)
_CGROUPS = pathlib.Path('/sys/fs/cgroup')


def check_actors(
  config: experiment_lib.ExperimentConfig, launch_type: str
) -> None:
  """Refuses more actors than the machine has memory and threads for.

  Args:
    config: the run.
    launch_type: the launch type on this machine.

  Raises:
    ValueError: if there are more; says how many are possible.
  """
  own_process = launch_type == 'local_mp'
  memory, threads = _OF_A_PROCESS if own_process else _OF_A_THREAD
  has_memory, has_threads = memory_lib.limit(), free_threads()
  most = int(min(has_memory / memory, has_threads / threads))
  if config.num_actors > most:
    raise ValueError(
      f'num_actors is {config.num_actors:,}, but this machine holds at most '
      f'{most:,} now: an actor takes at least {memory / 1e6:.0f} MB and '
      f'{threads} threads, and {has_memory / 1e9:.1f} GB and '
      f'{has_threads:,} threads are free. Give a smaller num_actors.'
    )


def free_threads() -> int:
  """Threads that can still be started, on the machine and in this container."""
  # '0.1 0.1 0.1 2/345 678' means 345 threads.
  there = pathlib.Path('/proc/loadavg').read_text().split()[3]
  number = int(there.partition('/')[2])
  kernel = pathlib.Path('/proc/sys/kernel')
  limits = [
    int((kernel / name).read_text()) for name in ('threads-max', 'pid_max')
  ]
  own, _ = resource.getrlimit(resource.RLIMIT_NPROC)
  if own != resource.RLIM_INFINITY and os.getuid():
    limits.append(own)
  free = [float(limit - number) for limit in limits]
  free += _left('pids.max', 'pids.current')
  free += _left('pids/pids.max', 'pids/pids.current')
  return max(int(min(free)), 0)


def _left(limit: str, used: str) -> Iterator[float]:
  """What a control group leaves over, if it sets a limit."""
  try:
    texts = [(_CGROUPS / name).read_text() for name in (limit, used)]
  except OSError:
    return  # Another version of control groups, or none.
  if texts[0].strip() != 'max':
    yield float(texts[0]) - float(texts[1])
