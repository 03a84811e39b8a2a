"""Kills a run twice, resumes it, and compares it with an uninterrupted one.

  python experiments/compare_resumed.py --output=.

Once in one process, where both must be equal to the bit, and once with
Launchpad's processes, where no two runs are equal. Below the folder `--output`
it writes experiments/results/resumed.csv and draws docs/images/resumed.png;
`--draw_only` draws the committed file.
"""

import sys

from absl import flags

from experiments.lib import csv_files
from experiments.lib import places
from experiments.lib import resumed_figure
from experiments.lib import resumed_runs
from quinoa_acme.runs import scripts

_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for table and picture; that of the repository renews them.',
  required=True,
)
_DRAW_ONLY = flags.DEFINE_bool('draw_only', False, 'Make no runs.')
_TABLE = places.RESULTS / 'resumed.csv'
_PICTURE = places.IMAGES / 'resumed.png'


def main(argv: list[str]) -> None:
  """Makes the runs, writes the table, and draws it."""
  scripts.begin(argv)
  try:
    table, picture = scripts.place_outputs(
      _OUTPUT.value, places.ROOT, _TABLE, _PICTURE
    )
  except ValueError as error:
    sys.exit(f'error: {error}')
  if _DRAW_ONLY.value:
    table = _TABLE
  else:
    resumed_runs.write(table, resumed_runs.compare_all())
  resumed_figure.draw(csv_files.read(table), picture)


if __name__ == '__main__':
  scripts.run(main)
