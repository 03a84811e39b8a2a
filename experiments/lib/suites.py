"""The runs of a suite, and their comparison with the committed table."""

from collections.abc import Sequence
import datetime
import pathlib

from absl import flags

from experiments.lib import comparison
from experiments.lib import places
from quinoa_acme.cli import command
from quinoa_acme.cli import sweep as sweep_lib
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps


def run(values: flags.FlagValues, *, compare: bool) -> int:
  """Makes the runs of a suite.

  Args:
    values: the flags of `quinoa sweep`.
    compare: whether to make all runs anew, in their own folder, and compare
      them with the committed table.

  Returns:
    1 if anything became worse than in the committed table, else 0.

  Raises:
    command.CommandError: if the flags do not fit, or there is nothing to
      compare with.
  """
  plan = sweep_lib.read(values)
  name = plan.sweep.name
  committed = places.RESULTS / f'{plan.sweep.table}.csv'
  if not (values.output or values.status or compare):
    raise command.CommandError(
      '--output is not set: the CSV file of the results. The committed one is '
      f'--output={committed}.'
    )
  if compare:
    _check_committed(plan.runs, committed)
    now = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
    name = f'{name}-{now}'
  folder, table = sweep_lib.places(values, name)
  sweep_lib.execute(values, plan, folder, table)
  return _compare(plan.runs, committed, table) if compare else 0


def _check_committed(
  runs: Sequence[sweeps.Run], committed: pathlib.Path
) -> None:
  """Raises before anything is run if there is nothing to compare with."""
  known = results.read_runs([committed]) if committed.exists() else {}
  try:
    comparison.check_finished(runs, known, 'committed')
  except ValueError as error:
    raise command.CommandError(
      f'{error} The same command without --compare, and with '
      f'--output={committed}, does, and writes what is to be committed.'
    ) from error


def _compare(
  runs: Sequence[sweeps.Run], committed: pathlib.Path, table: pathlib.Path
) -> int:
  """Prints what became better or worse; returns 1 if anything became worse."""
  try:
    differences = comparison.compare(
      runs, results.read_runs([committed]), results.read_runs([table])
    )
  except (OSError, ValueError) as error:
    raise command.CommandError(f'{error}') from error
  print(comparison.format_differences(differences))
  worse = [x.name for x in differences if x.verdict == 'worse']
  print(f'Worse: {", ".join(worse) or "nothing"}.')
  return 1 if worse else 0
