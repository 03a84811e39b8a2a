"""Runs a program for long, and looks whether its memory and its speed stay.

  python experiments/soak.py --minutes=60

It writes experiments/results/soak.csv, draws docs/images/soak.png and prints
the table of docs/soak.md; with `--minutes=0` it draws and prints what the file
has. The program is that of run_quinoa.py under `local_mp`, with two actors;
other flags go to it, after `--`.
"""

import pathlib
import signal
import subprocess
import sys
import tempfile

from absl import app
from absl import flags

from quinoa_acme import loggers
from quinoa_acme import soak

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_MINUTES = flags.DEFINE_float(
  'minutes', 60.0, 'How long it runs; 0 only draws.', lower_bound=0.0
)
_WARM_UP = flags.DEFINE_float(
  'warm_up', 10.0, 'Minutes that are left out.', lower_bound=0.0
)
_TABLE = flags.DEFINE_string(
  'table',
  str(_ROOT / 'experiments' / 'results' / 'soak.csv'),
  'Where the rows are.',
)
_PICTURE = flags.DEFINE_string(
  'picture', str(_ROOT / 'docs' / 'images' / 'soak.png'), 'What is drawn.'
)
# A replay that is soon full. All that is done now and then is done often.
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


def run(minutes: float, workdir: str, extra: list[str]) -> None:
  """Runs the program, and stops it as a user does.

  Args:
    minutes: how long.
    workdir: its folder.
    extra: flags, on top of those above.

  Raises:
    RuntimeError: if it ends by itself, or with an error.
  """
  script = str(_ROOT / 'experiments' / 'run_quinoa.py')
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


def main(argv: list[str]) -> None:
  """Soaks, writes the rows, draws them, and prints their trends."""
  table = pathlib.Path(_TABLE.value)
  if _MINUTES.value:
    with tempfile.TemporaryDirectory() as workdir:
      run(_MINUTES.value, workdir, argv[1:])
      rows = soak.read(workdir)
    table.parent.mkdir(parents=True, exist_ok=True)
    table.unlink(missing_ok=True)
    logger = loggers.CSVLogger(table)
    for row in rows:
      logger.write(row)
    logger.close()
  rows = loggers.read_rows(table)
  soak.draw(rows, _WARM_UP.value, _PICTURE.value)
  print(soak.make_table(soak.trends(rows, _WARM_UP.value)))


if __name__ == '__main__':
  app.run(main)
