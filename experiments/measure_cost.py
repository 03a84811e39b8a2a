"""Measures and plots the cost of an update and an action against their size.

  python experiments/measure_cost.py --output=.

Action dimension, couplings or batch varies; the others are those of the default
preset in a task with 17 observations and 6 actions. All settings take turns,
`--rounds` times; the table, experiments/results/cost.csv below the folder
`--output`, has one row per round. `--plot` only draws the committed table. How
several actors share a machine is measured elsewhere, with whole runs.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

import sys  # noqa: E402

from absl import flags  # noqa: E402

from experiments.lib import cost  # noqa: E402
from experiments.lib import cost_figure  # noqa: E402
from experiments.lib import csv_files  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.utils import resources  # noqa: E402

_ROUNDS = flags.DEFINE_integer(
  'rounds', 5, 'Rounds of all settings.', lower_bound=1
)
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for table and picture; that of the repository renews them.',
  required=True,
)
_PLOT = flags.DEFINE_bool('plot', False, 'Only draw the committed table.')


def main(argv: list[str]) -> None:
  """Measures, writes the table, and draws it."""
  scripts.begin(argv)
  try:
    table, picture = cost_figure.place(_OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  resources.compute_in_calling_thread()
  if _PLOT.value:
    table = cost_figure.TABLE
  else:
    csv_files.write(table, cost.COLUMNS, cost.measure(_ROUNDS.value))
  cost_figure.draw(csv_files.read(table), picture)


if __name__ == '__main__':
  scripts.run(main)
