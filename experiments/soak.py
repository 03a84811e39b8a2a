"""Runs a program for a long time, and checks its memory and speed for drift.

  python experiments/soak.py --minutes=60 --output=.

Below the folder `--output` it writes experiments/results/soak.csv and
soak.json, draws docs/images/soak.png and renews the table of docs/soak.md.
`--minutes=0` does only the last two, from the committed files. The program is
that of run_quinoa.py under `local_mp`, with two actors; further flags go to it,
after `--`.
"""

from collections.abc import Mapping
from importlib import metadata
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile

from absl import flags

from experiments.lib import soak
from quinoa_acme.runs import experiment
from quinoa_acme.runs import scripts
from quinoa_acme.runs.watching import loggers

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_MINUTES = flags.DEFINE_float(
  'minutes', 60.0, 'How long it runs; 0 only draws.', lower_bound=0.0
)
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for all of these; that of the repository renews them.',
  required=True,
)
_WARM_UP = flags.DEFINE_float(
  'warm_up', 10.0, 'Minutes at the start to leave out.', lower_bound=0.0
)
_TABLE = _ROOT / 'experiments' / 'results' / 'soak.csv'
_CONDITIONS = _TABLE.with_suffix('.json')
_PICTURE = _ROOT / 'docs' / 'images' / 'soak.png'
_DOCUMENT = _ROOT / 'docs' / 'soak.md'
# This script makes the part of the document that follows it.
_MARK = '<!-- Made by experiments/soak.py. -->\n'
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


def run(minutes: float, workdir: str, extra: list[str]) -> None:
  """Runs the program, and stops it as a user would.

  Args:
    minutes: duration.
    workdir: its folder.
    extra: flags, in addition to those above.

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


def write(
  rows: soak.Rows,
  extra: list[str],
  source: Mapping[str, str],
  table: pathlib.Path,
  conditions: pathlib.Path,
) -> None:
  """Writes the rows of a run, and its conditions.

  Args:
    rows: the rows.
    extra: flags of the run, in addition to those above.
    source: its version and commit.
    table: the file for the rows.
    conditions: the file for the conditions.
  """
  table.unlink(missing_ok=True)
  logger = loggers.CSVLogger(table)
  for row in rows:
    logger.write(row)
  logger.close()
  plain = {
    'minutes': _MINUTES.value,
    'warm_up': _WARM_UP.value,
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
  conditions.write_text(json.dumps(plain, indent=2) + '\n')


def make_section(
  table: pathlib.Path = _TABLE, conditions_file: pathlib.Path = _CONDITIONS
) -> str:
  """The document's section on a run, by default the committed one."""
  conditions = json.loads(conditions_file.read_text())
  found = soak.trends(loggers.read_rows(table), conditions['warm_up'])
  versions = ', '.join(f'{k} {x}' for k, x in conditions['versions'].items())
  return (
    f'![memory and speed](images/soak.png)\n\n{soak.make_table(found)}\n'
    f'{conditions["minutes"]:g} minutes, of which {conditions["warm_up"]:g} '
    f'were left out; {conditions["machine"]}, with a mean load of '
    f'{conditions["load"]:.1f} at the end; {versions}; commit '
    f'{conditions["commit"]}. Rows and flags are in '
    '`experiments/results/soak.csv` and `soak.json`.\n'
  )


def main(argv: list[str]) -> None:
  """Soaks, writes the rows, draws them, and renews the document."""
  try:
    table, conditions, picture, document = scripts.place_outputs(
      _OUTPUT.value, _ROOT, _TABLE, _CONDITIONS, _PICTURE, _DOCUMENT
    )
  except ValueError as error:
    sys.exit(f'error: {error}')
  if not _MINUTES.value:
    table, conditions = _TABLE, _CONDITIONS
  else:
    # Before the rows are written, which changes the source tree.
    source = experiment.describe_source()
    with tempfile.TemporaryDirectory() as workdir:
      run(_MINUTES.value, workdir, argv[1:])
      rows = soak.read(workdir)
    write(rows, argv[1:], source, table, conditions)
  warm_up = json.loads(conditions.read_text())['warm_up']
  soak.draw(loggers.read_rows(table), warm_up, picture)
  head = _DOCUMENT.read_text().split(_MARK)[0]
  section = make_section(table, conditions)
  document.write_text(f'{head}{_MARK}\n{section}')
  print(section)


if __name__ == '__main__':
  scripts.run(main)
