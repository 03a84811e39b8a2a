"""Kills a run twice, resumes it, and compares it with an uninterrupted one.

  python experiments/compare_resumed.py --output=.

Once in one process, where both must be equal to the bit, and once with
Launchpad's processes, where no two runs are equal. Below the folder `--output`
it writes experiments/results/resumed.csv and draws docs/images/resumed.png;
`--draw_only` draws the committed file.
"""

from collections.abc import Mapping
import csv
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from absl import flags
import numpy as np

from quinoa_acme.runs import scripts
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.watching import loggers
from quinoa_acme.utils import checkpointing

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_TABLE = _ROOT / 'experiments' / 'results' / 'resumed.csv'
_PICTURE = _ROOT / 'docs' / 'images' / 'resumed.png'
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for table and picture; that of the repository renews them.',
  required=True,
)
_DRAW_ONLY = flags.DEFINE_bool('draw_only', False, 'Make no runs.')
_EVERY = 1000
_NUM_STEPS = 20_000
# The run is killed a moment after these evaluations.
_KILLED_AFTER = (5000, 12_000)
_FLAGS = (
  '--env_name=control:cartpole:balance',
  '--preset=debug',
  f'--num_steps={_NUM_STEPS}',
  f'--eval_every={_EVERY}',
  '--evaluation_episodes=2',
  '--checkpoint_every=2',
)
_WAYS = {
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
  script = str(_ROOT / 'experiments' / 'run_quinoa.py')
  return subprocess.Popen(
    [sys.executable, script, *_FLAGS, *_WAYS[way], f'--workdir={workdir}'],
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


def _are_equal(first: pathlib.Path, second: pathlib.Path) -> bool:
  """Whether two runs have the same rows, and the same last checkpoint."""
  for label in ('learner', 'evaluator', 'actor_0'):
    one, other = (
      [
        {key: x for key, x in row.items() if key not in _TIMES}
        for row in loggers.read_rows(folder / 'logs' / f'{label}.csv')
      ]
      for folder in (first, second)
    )
    if one != other:
      return False
  one, other = (_arrays(folder) for folder in (first, second))
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
    way: a key of the ways above.
    folder: for their workdirs.

  Returns:
    One row per evaluation.

  Raises:
    RuntimeError: if a run fails, or the two should be equal but are not.
  """
  uncut, resumed = folder / 'uncut', folder / 'resumed'
  _finish(_start(uncut, way))
  for steps in _KILLED_AFTER:
    _kill(_start(resumed, way), resumed, steps)
  _finish(_start(resumed, way))
  if way == 'one process':
    if not _are_equal(uncut, resumed):
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


def draw(rows: list[dict[str, str]], picture: pathlib.Path) -> None:
  """Draws the returns of both runs, for each way."""
  from matplotlib import figure as figure_lib

  figure = figure_lib.Figure(figsize=(8, 3.4), layout='constrained')
  for axes, way in zip(figure.subplots(1, 2, sharey=True), _WAYS, strict=True):
    for run, look in (
      ('uncut', {'color': '#b08a3c', 'linewidth': 4, 'alpha': 0.6}),
      ('resumed', {'color': '#2f6b3f', 'marker': 'o', 'markersize': 4}),
    ):
      found = [x for x in rows if (x['way'], x['run']) == (way, run)]
      axes.plot(
        [int(x['actor_steps']) for x in found],
        [float(x['episode_return']) for x in found],
        label='killed twice and resumed' if run == 'resumed' else run,
        **look,
      )
    for steps in _KILLED_AFTER:
      axes.axvline(steps, color='#8f3535', linewidth=0.8, linestyle=':')
    axes.set_title(way, fontsize=10)
    axes.set_xlabel('environment steps')
    axes.spines[['top', 'right']].set_visible(False)
  figure.axes[0].set_ylabel('return')
  figure.axes[0].legend(frameon=False, fontsize=8)
  figure.savefig(picture, dpi=150)


def main(argv: list[str]) -> None:
  """Makes the runs, writes the table, and draws it."""
  scripts.begin(argv)
  try:
    table, picture = scripts.place_outputs(
      _OUTPUT.value, _ROOT, _TABLE, _PICTURE
    )
  except ValueError as error:
    sys.exit(f'error: {error}')
  if _DRAW_ONLY.value:
    table = _TABLE
  else:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
      for way in _WAYS:
        rows += compare(way, pathlib.Path(folder, way.replace(' ', '_')))
    table.unlink(missing_ok=True)
    logger = loggers.CSVLogger(table)
    for row in rows:
      logger.write(row)
    logger.close()
  with table.open() as file:
    draw(list(csv.DictReader(file)), picture)


if __name__ == '__main__':
  scripts.run(main)
