"""Makes the runs of a sweep, one a core, and a table of their results.

  python experiments/run_sweep.py --sweep=experiments/sweeps/bars.json

What is done is skipped and what was cut goes on, so the same command completes
a sweep however often it is stopped. The table is written below
`experiments/results` under the sweep's name.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()

import os  # noqa: E402
import sys  # noqa: E402

from absl import app  # noqa: E402
from absl import flags  # noqa: E402

from quinoa_acme import command_line  # noqa: E402
from quinoa_acme import sweeps  # noqa: E402

_SWEEP = flags.DEFINE_string('sweep', None, 'The JSON file.', required=True)
_FOLDER = flags.DEFINE_string('folder', None, 'Where the runs write.')
_CORES = flags.DEFINE_list('cores', None, 'Processor cores; all if not set.')
_ONLY = flags.DEFINE_string('only', '', 'Only runs with this in their label.')
_COLLECT = flags.DEFINE_bool('collect', False, 'Only write the table.')


def main(argv: list[str]) -> None:
  """Does what the flags say."""
  command_line.begin(argv)
  sweep = pathlib.Path(_SWEEP.value)
  try:
    runs = sweeps.read(sweep)
  except (OSError, ValueError) as error:
    sys.exit(f'error: {error}')
  runs = [run for run in runs if _ONLY.value in run.label]
  folder = pathlib.Path(_FOLDER.value or _ROOT / 'runs' / sweep.stem).resolve()
  table = _ROOT / 'experiments' / 'results' / f'{sweep.stem}.csv'
  if _COLLECT.value:
    sweeps.collect(runs, folder, table)
    return
  cores = [int(core) for core in _CORES.value or os.sched_getaffinity(0)]
  failed = sweeps.execute(runs, folder, table, cores)
  print(f'Results: {table}')
  sys.exit(1 if failed else 0)


if __name__ == '__main__':
  app.run(main)
