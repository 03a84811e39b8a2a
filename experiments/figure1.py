"""Draws figure 1: returns on cheetah, walker and hopper, from committed rows.

  python experiments/figure1.py --output=docs/images/figure1.png

Above: the median over seeds with the range, as in the paper. Below, and for the
three tasks together: the interquartile mean with its 95 % stratified bootstrap
interval. It also names runs of the suite `figure1` that its table lacks.
"""

import pathlib
import sys

from absl import flags

from experiments.lib import figures
from quinoa_acme.runs import scripts
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_EXPERIMENTS = _ROOT / 'experiments'
_SUITE = 'figure1'
_OUTPUT = flags.DEFINE_string('output', None, 'The picture.', required=True)


def main(argv: list[str]) -> None:
  """Draws the figure, and reports missing runs."""
  scripts.begin(argv)
  try:
    scripts.check_output('output', _OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  draw(pathlib.Path(_OUTPUT.value))
  print(_OUTPUT.value)
  sweep, table = _read()
  missing = sweeps.unfinished(sweep.runs, table)
  if missing:
    print(describe_missing(missing, len(sweep.runs), table))


def _read() -> tuple[sweeps.Sweep, pathlib.Path]:
  """The suite, and the table of its results."""
  sweep = sweeps.read(_EXPERIMENTS / 'sweeps' / f'{_SUITE}.json')
  return sweep, _EXPERIMENTS / 'results' / f'{sweep.table}.csv'


def draw(picture: pathlib.Path) -> None:
  """Draws the figure from the committed rows."""
  sweep, table = _read()
  algorithms = [
    figures.algorithm(*key)
    for key in dict.fromkeys(run.curve[:2] for run in sweep.runs)
  ]
  tasks = list(dict.fromkeys(run.task for run in sweep.runs))
  figures.save(
    figures.draw_suite(results.read([table]), algorithms, tasks), picture
  )


def describe_missing(
  missing: list[sweeps.Run], num_runs: int, table: pathlib.Path
) -> str:
  """The missing runs, by curve, and the command that makes them."""
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


if __name__ == '__main__':
  scripts.run(main)
