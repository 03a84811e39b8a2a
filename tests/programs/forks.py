"""Forks, as the launcher of a program does; prints what came of it as JSON."""

import atexit
import contextlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import jax

from quinoa_acme.runs.distributed import forking


def look() -> None:
  """Prints what a fork finds."""
  print(
    json.dumps(
      {
        'variable': os.environ['ONLY_IN_THE_FORK'],
        'platforms': jax.config.jax_platforms,
        'devices': [device.platform for device in jax.devices()],
        'minimum': jax.config.jax_persistent_cache_min_compile_time_secs,
        'ignores_sigterm': signal.getsignal(signal.SIGTERM) != signal.SIG_DFL,
      }
    )
  )


def fail() -> None:
  """Raises."""
  raise RuntimeError('the node failed')


def main(folder: pathlib.Path) -> None:
  """Makes four forks, each in the midst of what a launcher may have set."""
  env = {
    'ONLY_IN_THE_FORK': 'yes',
    'JAX_PLATFORMS': 'cpu',
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0.25',
  }
  atexit.register(print, 'the launcher is at its exit')
  signal.signal(signal.SIGTERM, signal.SIG_IGN)
  could_fork = forking.can_fork()
  with contextlib.redirect_stdout(io.StringIO()):
    looking = forking.Fork(look, env, folder / 'look')
    failing = forking.Fork(fail, env, folder / 'fail')
    waiting = forking.Fork(signal.pause, env, folder / 'wait')
    # A disk without room for what it prints.
    full = forking.Fork(fail, env, pathlib.Path('/dev/full'))
  statuses = [looking.wait(), failing.wait(), full.wait()]
  while True:
    # Until the fork has dropped what it has of the launcher's.
    waiting.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
      statuses.append(waiting.wait(0.1))
      break
  release = threading.Event()
  threading.Thread(target=release.wait).start()
  can_fork_beside_a_thread = forking.can_fork()
  release.set()
  print(
    json.dumps(
      {
        'statuses': statuses,
        'could_fork': could_fork,
        'can_fork_beside_a_thread': can_fork_beside_a_thread,
        'has_variable': 'ONLY_IN_THE_FORK' in os.environ,
        'platforms': jax.config.jax_platforms,
      }
    )
  )


if __name__ == '__main__':
  main(pathlib.Path(sys.argv[1]))
