"""A run that is killed twice and resumed, beside one that was never cut."""

from collections.abc import Iterable, Mapping
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from experiments.lib import places
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.watching import loggers
from quinoa_acme.utils import checkpointing

_EVERY = 1000
_NUM_STEPS = 20_000
# The run is killed a moment after these evaluations.
KILLED_AFTER = (5000, 12_000)
_FLAGS = (
  '--env_name=control:cartpole:balance',
  '--preset=debug',
  f'--num_steps={_NUM_STEPS}',
  f'--eval_every={_EVERY}',
  '--evaluation_episodes=2',
  '--checkpoint_every=2',
)
WAYS = {
  'one process': ('--run_distributed=false',),
  'local_mp': (
    '--lp_launch_type=local_mp',
    '--replay_checkpoints=ReplayCheckpoints(every=2)',
  ),
}
# Columns that depend on time, in which no two runs are equal.
_TIMES = {
  loggers.WALL_CLOCK,
  'steps_per_second',
  'learner_walltime',
  'training_seconds',
}


def _evaluations(workdir: pathlib.Path) -> list[dict[str, float]]:
  path = workdir / 'logs' / 'evaluator.csv'
  return loggers.read_rows(path) if path.exists() else []


def _start(workdir: pathlib.Path, way: str) -> subprocess.Popen:
  script = str(places.SCRIPTS / 'run_quinoa.py')
  return subprocess.Popen(
    [sys.executable, script, *_FLAGS, *WAYS[way], f'--workdir={workdir}'],
    start_new_session=True,
  )


def _finish(process: subprocess.Popen) -> None:
  if process.wait():
    raise RuntimeError(f'A run ended with status {process.returncode}.')


def _kill(process: subprocess.Popen, workdir: pathlib.Path, steps: int) -> None:
  """Kills all of a run's processes soon after the evaluation at `steps`."""
  while not any(x['actor_steps'] >= steps for x in _evaluations(workdir)):
    if process.poll() is not None:
      raise RuntimeError('The run ended before it was to be killed.')
    time.sleep(0.2)
  time.sleep(2.0)
  os.killpg(process.pid, signal.SIGKILL)
  process.wait()
  # The kernel needs a moment to free its resources.
  time.sleep(2.0)


def have_equal_rows(
  first: pathlib.Path,
  second: pathlib.Path,
  labels: Iterable[str] = ('learner', 'evaluator', 'actor_0'),
) -> bool:
  """Whether two runs logged the same, but for what tells of the time.

  Args:
    first: a run's folder.
    second: the other's.
    labels: of the logs.
  """
  for label in labels:
    one, other = (
      [
        {key: x for key, x in row.items() if key not in _TIMES}
        for row in loggers.read_rows(folder / 'logs' / f'{label}.csv')
      ]
      for folder in (first, second)
    )
    if one != other:
      return False
  return True


def are_equal(
  one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> bool:
  """Whether two checkpoints have the same arrays, to the bit."""
  return one.keys() == other.keys() and all(
    # As bytes: a zero and its negative differ.
    one[key].tobytes() == other[key].tobytes()
    for key in one
  )


def _arrays(workdir: pathlib.Path) -> Mapping[str, np.ndarray]:
  """The whole last checkpoint: learner, replay, actor and environment."""
  checkpoint = checkpointing.read_latest(
    run_folder.run_checkpoints(str(workdir))
  )
  assert checkpoint is not None
  return checkpoint.arrays


def compare(way: str, folder: pathlib.Path) -> list[dict[str, Any]]:
  """Makes both runs; returns the rows of the table.

  Args:
    way: a key of `WAYS`.
    folder: for their workdirs.

  Returns:
    One row per evaluation.

  Raises:
    RuntimeError: if a run fails, or the two should be equal but are not.
  """
  uncut, resumed = folder / 'uncut', folder / 'resumed'
  _finish(_start(uncut, way))
  for steps in KILLED_AFTER:
    _kill(_start(resumed, way), resumed, steps)
  _finish(_start(resumed, way))
  if way == 'one process':
    if not (
      have_equal_rows(uncut, resumed)
      and are_equal(_arrays(uncut), _arrays(resumed))
    ):
      raise RuntimeError('The resumed run differs from the uncut one.')
    print('Equal to the bit: all rows, and all arrays of the last checkpoint.')
  return [
    {
      'way': way,
      'run': path.name,
      'actor_steps': int(row['actor_steps']),
      'episode_return': row['episode_return'],
    }
    for path in (uncut, resumed)
    for row in _evaluations(path)
  ]


def compare_all() -> list[dict[str, Any]]:
  """Makes both runs in each way; gives the rows of the table.

  Raises:
    RuntimeError: if a run fails, or the two should be equal but are not.
  """
  rows = []
  with tempfile.TemporaryDirectory() as folder:
    for way in WAYS:
      rows += compare(way, pathlib.Path(folder, way.replace(' ', '_')))
  return rows


def write(table: pathlib.Path, rows: Iterable[Mapping[str, Any]]) -> None:
  """Writes rows to a file, in the place of the one that is there."""
  table.unlink(missing_ok=True)
  logger = loggers.CSVLogger(table)
  for row in rows:
    logger.write(row)
  logger.close()
