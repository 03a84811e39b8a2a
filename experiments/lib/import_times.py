"""How long imports take, each in a process of its own."""

from collections.abc import Iterator, Sequence
import resource
import subprocess
import sys
import time

COLUMNS = ('statement', 'clock_seconds', 'processor_seconds')
STATEMENTS = (
  'import quinoa_acme',
  'import quinoa_acme; quinoa_acme.load_policy',
  'import jax',
  'import haiku',
  'import acme',
  'from quinoa_acme.agents.quinoa import QuinoaBuilder',
  'from quinoa_acme import run',
  'from quinoa_acme.runs.distributed import program',
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


def _least(statement: str, repeats: int) -> tuple[float, float]:
  measured = [_measure(statement) for _ in range(repeats)]
  clock, processor = zip(*measured, strict=True)
  return min(clock), min(processor)


def measure(
  statements: Sequence[str] = STATEMENTS, repeats: int = 3
) -> Iterator[dict[str, str]]:
  """Times statements, without what Python itself takes.

  Args:
    statements: of Python.
    repeats: how often each is run; the least counts.

  Yields:
    A row of `COLUMNS` each.
  """
  empty = _least('pass', repeats)
  for statement in statements:
    times = zip(_least(statement, repeats), empty, strict=True)
    cells = (statement, *(f'{max(x - e, 0.0):.2f}' for x, e in times))
    yield dict(zip(COLUMNS, cells, strict=True))
