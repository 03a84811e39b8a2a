"""Figure 1 of the paper: the returns of its suite, from committed rows."""

from collections.abc import Sequence
import pathlib

from experiments.lib import figures
from experiments.lib import places
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps

_SUITE = 'figure1'


def _read() -> tuple[sweeps.Sweep, pathlib.Path]:
  """The suite, and the table of its results."""
  sweep = sweeps.read(places.SWEEPS / f'{_SUITE}.json')
  return sweep, places.RESULTS / f'{sweep.table}.csv'


def draw(picture: pathlib.Path) -> None:
  """Draws the figure from the committed rows.

  Args:
    picture: the file for the figure.
  """
  sweep, table = _read()
  algorithms = [
    figures.algorithm(*key)
    for key in dict.fromkeys(run.curve[:2] for run in sweep.runs)
  ]
  tasks = list(dict.fromkeys(run.task for run in sweep.runs))
  figures.save(
    figures.draw_suite(results.read([table]), algorithms, tasks), picture
  )


def tell_missing() -> str:
  """Describes the runs that the committed table lacks; '' if none."""
  sweep, table = _read()
  missing = sweeps.unfinished(sweep.runs, table)
  return describe_missing(missing, len(sweep.runs), table) if missing else ''


def describe_missing(
  missing: Sequence[sweeps.Run], num_runs: int, table: pathlib.Path
) -> str:
  """The missing runs, by curve, and the command that makes them.

  Args:
    missing: the runs, at least one.
    num_runs: number of runs in the suite.
    table: the CSV file for their results.

  Returns:
    Several lines.
  """
  seeds: dict[results.Curve, list[str]] = {}
  for run in missing:
    seeds.setdefault(run.curve, []).append(str(run.seed))
  lines = [
    f'  {" ".join(curve)}: seeds {", ".join(found)}'
    for curve, found in seeds.items()
  ]
  return '\n'.join(
    [
      f'{len(missing)} of {num_runs} runs are missing or not at their end:',
      *lines,
      'This makes them, and skips the others:',
      f'  python experiments/run_suite.py --suite={_SUITE} --output={table}',
    ]
  )
