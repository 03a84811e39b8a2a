"""Times imports: of the package, for acting, and for training.

  python experiments/time_imports.py --output=experiments/results/imports.csv

Each is made several times, in a separate process. The table has the smallest
wall-clock and processor seconds, without those of Python itself.
`python -X importtime -c '...'` shows how long each module takes.
"""

import sys

from absl import flags

from experiments.lib import csv_files
from experiments.lib import import_times
from quinoa_acme.runs import scripts

_OUTPUT = flags.DEFINE_string('output', None, 'A CSV file for the table.')


def main(argv: list[str]) -> None:
  """Measures, prints, and writes if requested."""
  scripts.begin(argv)
  try:
    if _OUTPUT.value:
      scripts.check_output('output', _OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  rows = []
  for row in import_times.measure():
    rows.append(row)
    print('{}: {} s, {} s of the processor'.format(*row.values()), flush=True)
  if _OUTPUT.value:
    csv_files.write(_OUTPUT.value, import_times.COLUMNS, rows)


if __name__ == '__main__':
  scripts.run(main)
