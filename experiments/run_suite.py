"""Makes the runs of a suite, one per core, and a table of their results.

  python experiments/run_suite.py --suite=quick \
    --output=experiments/results/quick.csv

A suite is a file of `experiments/sweeps`, by its name. Finished runs, in the
runs' folders or in the table `--output`, are skipped, and interrupted ones
resumed. So the same command completes a suite however often, and wherever, it
is stopped. To repeat runs of the committed table, name another table.

  python experiments/run_suite.py --suite=quick --compare

repeats all its runs in a separate folder and compares them with the committed
table, which it does not change; the exit status is 1 if anything got worse.
With `--folder` set to the folder that it printed first, it resumes a comparison
that was stopped.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()

from collections.abc import Sequence  # noqa: E402
import datetime  # noqa: E402
import sys  # noqa: E402

from absl import flags  # noqa: E402

from experiments.lib import comparison  # noqa: E402
from quinoa_acme.cli import command  # noqa: E402
from quinoa_acme.cli import sweep as sweep_lib  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.runs.sweeps import results  # noqa: E402
from quinoa_acme.runs.sweeps import sweeps  # noqa: E402

sweep_lib.define_flags(flags.FLAGS)
flags.mark_flag_as_required('suite')
_COMPARE = flags.DEFINE_bool(
  'compare', False, 'Run all anew, and compare with the committed table.'
)


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    _run(flags.FLAGS)
  except command.CommandError as error:
    sys.exit(f'error: {error}')


def _run(values: flags.FlagValues) -> None:
  plan = sweep_lib.read(values)
  name = plan.sweep.name
  committed = _ROOT / 'experiments' / 'results' / f'{plan.sweep.table}.csv'
  if not (values.output or values.status or _COMPARE.value):
    raise command.CommandError(
      '--output is not set: the CSV file of the results. The committed one is '
      f'--output={committed}.'
    )
  if _COMPARE.value:
    _check_committed(plan.runs, committed)
    now = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
    name = f'{name}-{now}'
  folder, table = sweep_lib.places(values, name)
  sweep_lib.execute(values, plan, folder, table)
  if _COMPARE.value:
    sys.exit(_compare(plan.runs, committed, table))


def _check_committed(
  runs: Sequence[sweeps.Run], committed: pathlib.Path
) -> None:
  """Exits before anything is run if there is nothing to compare with."""
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
  """Prints what became better or worse; returns 1 if anything became worse."""
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
