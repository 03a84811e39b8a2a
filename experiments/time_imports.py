"""Times imports: of the package, of what acts, of what trains.

  python experiments/time_imports.py --output=experiments/results/imports.csv

Each is made in a process of its own, several times; the table has the least
seconds, of a clock and of the processor, without those of Python itself. With
`python -X importtime -c '...'` each says which module takes how long.
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
  """Seconds of a clock and of the processor, of one process."""
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
  """Measures, prints, and writes if it is to."""
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
