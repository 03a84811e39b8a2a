"""Makes the runs of a suite, one a core, and a table of their results.

  python experiments/run_suite.py --suite=quick \
    --output=experiments/results/quick.csv

A suite is a file of `experiments/sweeps`, by its name. What is done is skipped,
be it in the runs' folders or in the table `--output`, and what was cut goes on;
so the same command completes a suite however often, and wherever, it is
stopped. To measure anew what the committed table has, name another one.

  python experiments/run_suite.py --suite=quick --compare

makes all its runs anew, in a folder of their own, and compares them with the
committed table, which it leaves alone; the exit status is 1 if anything got
worse. `--folder` with what it printed first goes on with a comparison that was
stopped.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()

from collections.abc import Sequence  # noqa: E402
import datetime  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from absl import flags  # noqa: E402

from quinoa_acme import options  # noqa: E402
from quinoa_acme.evidence import comparison  # noqa: E402
from quinoa_acme.evidence import results  # noqa: E402
from quinoa_acme.evidence import sweep_runner  # noqa: E402
from quinoa_acme.evidence import sweeps  # noqa: E402
from quinoa_acme.runs import command_line  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_SUITES = _ROOT / 'experiments' / 'sweeps'

_SUITE = flags.DEFINE_string(
  'suite', None, 'A name in experiments/sweeps, or a JSON file.', required=True
)
_FOLDER = flags.DEFINE_string(
  'folder', None, 'Where the runs write; below runs/ if not set.'
)
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  "The CSV file of the results; with --compare results.csv in the runs' folder "
  'if not set.',
)
_CORES = flags.DEFINE_list('cores', None, 'Processor cores; all if not set.')
_ONLY = flags.DEFINE_string('only', '', 'Only runs with this in their label.')
_COLLECT = flags.DEFINE_bool('collect', False, 'Only write the table.')
_COMPARE = flags.DEFINE_bool(
  'compare', False, 'Run all anew, and compare with the committed table.'
)


def main(argv: list[str]) -> None:
  """Does what the flags say."""
  command_line.begin(argv)
  try:
    sweep = sweeps.read(_find(_SUITE.value))
    cores = _read_cores()
    for flag in (_FOLDER, _OUTPUT):
      if flag.value:
        command_line.check_output(flag.name, flag.value)
    committed = _ROOT / 'experiments' / 'results' / f'{sweep.table}.csv'
    if not (_OUTPUT.value or _COMPARE.value):
      raise ValueError(
        '--output is not set: the CSV file of the results. The committed one '
        f'is --output={committed}.'
      )
  except (OSError, ValueError) as error:
    sys.exit(f'error: {error}')
  runs = [run for run in sweep.runs if _ONLY.value in run.label]
  if not runs:
    labels = '\n  '.join(run.label for run in sweep.runs)
    sys.exit(
      f'error: no run of {sweep.name} has {_ONLY.value!r} in its label. There '
      f'are\n  {labels}'
    )
  if _COMPARE.value:
    _check_committed(runs, committed)
  folder, table = _places(sweep.name)
  print(f'Runs: {folder}', flush=True)
  failed = []
  try:
    if _COLLECT.value:
      sweeps.collect(runs, folder, table)
    else:
      failed = sweep_runner.execute(runs, folder, table, cores)
  except ValueError as error:
    sys.exit(f'error: {error}')
  print(f'Results: {table}', flush=True)
  if failed:
    sys.exit(f'error: {len(failed)} runs failed: {", ".join(failed)}.')
  if _COMPARE.value:
    sys.exit(_compare(runs, committed, table))


def _find(suite: str) -> pathlib.Path:
  """The file of a suite.

  Raises:
    ValueError: if there is none; says which there are.
  """
  for path in (_SUITES / f'{suite}.json', pathlib.Path(suite)):
    if path.is_file():
      return path
  names = sorted(path.stem for path in _SUITES.glob('*.json'))
  raise ValueError(
    f'there is no suite {suite!r}{options.suggest(suite, names)} Give the path '
    f'of a JSON file, or one of {", ".join(names)}.'
  )


def _read_cores() -> list[int]:
  allowed = os.sched_getaffinity(0)
  asked = _CORES.value or [str(core) for core in sorted(allowed)]
  if not {str(core) for core in allowed}.issuperset(asked):
    raise ValueError(
      f'--cores={",".join(asked)}, but this process may use {sorted(allowed)}.'
    )
  return [int(core) for core in asked]


def _places(name: str) -> tuple[pathlib.Path, pathlib.Path]:
  """The folder of the runs, and the table of their results."""
  now = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
  default = f'{name}-{now}' if _COMPARE.value else name
  folder = pathlib.Path(_FOLDER.value or f'runs/{default}').resolve()
  return folder, pathlib.Path(_OUTPUT.value or folder / 'results.csv').resolve()


def _check_committed(
  runs: Sequence[sweeps.Run], committed: pathlib.Path
) -> None:
  """Leaves before anything is run, if there is nothing to compare with."""
  known = results.read_runs([committed]) if committed.exists() else {}
  try:
    comparison.check_finished(runs, known, 'committed')
  except ValueError as error:
    sys.exit(
      f'error: {error} The same command without --compare, and with '
      f'--output={committed}, does, and writes what is to be committed.'
    )


def _compare(
  runs: Sequence[sweeps.Run], committed: pathlib.Path, table: pathlib.Path
) -> int:
  """Says what became better or worse; 1 if anything became worse."""
  try:
    differences = comparison.compare(
      runs, results.read_runs([committed]), results.read_runs([table])
    )
  except (OSError, ValueError) as error:
    sys.exit(f'error: {error}')
  print(comparison.format_differences(differences))
  worse = [x.name for x in differences if x.verdict == 'worse']
  print(f'Worse: {", ".join(worse) or "nothing"}.')
  return 1 if worse else 0


if __name__ == '__main__':
  scripts.run(main)
