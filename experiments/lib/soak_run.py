"""A program that runs for minutes, and the file of its conditions."""

from collections.abc import Mapping, Sequence
from importlib import metadata
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys

from experiments.lib import places
from experiments.lib import soak
from quinoa_acme.runs.watching import loggers

# The replay fills up soon, and everything periodic happens often.
_FLAGS = (
  '--lp_launch_type=local_mp',
  '--env_name=control:cheetah:run',
  '--num_steps=1000000000',
  '--num_actors=2',
  '--max_replay_size=10000',
  '--eval_every=2000',
  '--evaluation_episodes=1',
  '--checkpoint_every=30',
  '--replay_checkpoints=ReplayCheckpoints(every=60)',
)


def run(minutes: float, workdir: str, extra: Sequence[str]) -> None:
  """Runs the program, and stops it as a user would.

  Args:
    minutes: duration.
    workdir: its folder.
    extra: flags, in addition to those above.

  Raises:
    RuntimeError: if it ends by itself, or with an error.
  """
  script = str(places.SCRIPTS / 'run_quinoa.py')
  process = subprocess.Popen(
    [sys.executable, script, *_FLAGS, f'--workdir={workdir}', *extra]
  )
  try:
    process.wait(60.0 * minutes)
  except subprocess.TimeoutExpired:
    process.send_signal(signal.SIGTERM)
    if process.wait() == 0:
      return
  raise RuntimeError(f'The program ended with status {process.returncode}.')


def write_rows(rows: soak.Rows, table: pathlib.Path) -> None:
  """Writes the rows of a run, in the place of a former one's.

  Args:
    rows: as `soak.read` gives them.
    table: the file for them.
  """
  table.unlink(missing_ok=True)
  logger = loggers.CSVLogger(table)
  for row in rows:
    logger.write(row)
  logger.close()


def write_conditions(
  path: pathlib.Path,
  *,
  minutes: float,
  warm_up: float,
  extra: Sequence[str],
  source: Mapping[str, str],
) -> None:
  """Writes the conditions of a run.

  Args:
    path: the JSON file for the conditions.
    minutes: how long it ran.
    warm_up: minutes that are left out of the trends.
    extra: flags of the run, in addition to those above.
    source: its version and commit.
  """
  plain = {
    'minutes': minutes,
    'warm_up': warm_up,
    'flags': [*_FLAGS, *extra],
    'machine': f'{len(os.sched_getaffinity(0))} cores of '
    f'{os.cpu_count()}, {platform.machine()}, {platform.system()}',
    'load': os.getloadavg()[2],
    'versions': {
      name: metadata.version(name)
      for name in ('jax', 'dm-acme', 'dm-launchpad', 'dm-reverb')
    },
    **source,
  }
  path.write_text(json.dumps(plain, indent=2) + '\n')
