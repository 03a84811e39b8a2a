"""Times imports: of the package, for acting, and for training.

  python experiments/time_imports.py --output=experiments/results/imports.csv

Each is made several times, in a separate process. The table has the smallest
wall-clock and processor seconds, without those of Python itself.
`python -X importtime -c '...'` shows how long each module takes.
"""

import csv
import resource
import subprocess
import sys
import time

from absl import flags

from quinoa_acme.runs import scripts

_OUTPUT = flags.DEFINE_string('output', None, 'A CSV file for the table.')
_REPEATS = 3
_STATEMENTS = (
  'import quinoa_acme',
  'import quinoa_acme; quinoa_acme.load_policy',
  'import jax',
  'import haiku',
  'import acme',
  'from quinoa_acme.agents.quinoa import QuinoaBuilder',
)


def _measure(statement: str) -> tuple[float, float]:
  """Wall-clock and processor seconds, for one process."""
  before = resource.getrusage(resource.RUSAGE_CHILDREN)
  started = time.monotonic()
  subprocess.run([sys.executable, '-c', statement], check=True)
  seconds = time.monotonic() - started
  after = resource.getrusage(resource.RUSAGE_CHILDREN)
  used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
  return seconds, used


def _least(statement: str) -> tuple[float, float]:
  measured = [_measure(statement) for _ in range(_REPEATS)]
  clock, processor = zip(*measured, strict=True)
  return min(clock), min(processor)


def main(argv: list[str]) -> None:
  """Measures, prints, and writes if requested."""
  scripts.begin(argv)
  try:
    if _OUTPUT.value:
      scripts.check_output('output', _OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  empty = _least('pass')
  rows = [['statement', 'clock_seconds', 'processor_seconds']]
  for statement in _STATEMENTS:
    times = zip(_least(statement), empty, strict=True)
    row = [statement, *(f'{max(x - e, 0.0):.2f}' for x, e in times)]
    rows.append(row)
    print('{}: {} s, {} s of the processor'.format(*row), flush=True)
  if _OUTPUT.value:
    with open(_OUTPUT.value, 'w', newline='') as file:
      csv.writer(file, lineterminator='\n').writerows(rows)


if __name__ == '__main__':
  scripts.run(main)
