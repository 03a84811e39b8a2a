"""Measures the speed of this library beside its peers; `make bench`.

  python -m benchmarks
  python -m benchmarks --rows=learner,imports --quick
  python -m benchmarks --compare

Writes the samples to `benchmarks/results/speed.json`, row by row, and from them
the table of docs/speed.md. With `--compare` it leaves both alone, compares with
the committed file, and ends with status 1 if anything got slower.
"""

import pathlib
import tempfile
import time

from absl import app
from absl import flags

from benchmarks import lines as lines_lib
from benchmarks import report
from benchmarks import rows as rows_lib
from benchmarks import turns

_COMMITTED = turns.ROOT / 'benchmarks' / 'results' / 'speed.json'
_PAGE = turns.ROOT / 'docs' / 'speed.md'

_ROWS = flags.DEFINE_list(
  'rows', list(rows_lib.ROWS), f'Which of {", ".join(rows_lib.ROWS)}.'
)
_QUICK = flags.DEFINE_bool('quick', False, 'Fewer and shorter samples.')
_OUT = flags.DEFINE_string(
  'out', None, 'The JSON file; the committed one if not set, and not --quick.'
)
_COMPARE = flags.DEFINE_bool(
  'compare', False, 'Compare with the committed file, and leave it alone.'
)
_TABLE = flags.DEFINE_bool('table', False, 'Only write the table again.')


def _check_rows(names) -> bool:
  return set(names) <= set(rows_lib.ROWS)


flags.register_validator(
  'rows', _check_rows, f'must be of {", ".join(rows_lib.ROWS)}'
)


def main(argv: list[str]) -> int:
  """Does what the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}; flags begin with --.')
  if _TABLE.value:
    _write_table()
    return 0
  folder = pathlib.Path(tempfile.mkdtemp(prefix='quinoa_benchmarks_'))
  aside = _QUICK.value or _COMPARE.value
  path = folder / 'speed.json' if aside else _COMMITTED
  path = pathlib.Path(_OUT.value) if _OUT.value else path
  print(f'Logs: {folder}\nSamples: {path}', flush=True)
  failed = _measure(folder, path)
  if path == _COMMITTED:
    _write_table()
  if _COMPARE.value and path.exists():
    failed += _compare(path)
  if failed:
    print(f'Failed: {", ".join(failed)}.')
  return 1 if failed else 0


def _measure(folder: pathlib.Path, path: pathlib.Path) -> list[str]:
  """Measures the rows, and gives the names of those that failed."""
  description = report.describe()
  print(f'Machine: {description["machine"]}', flush=True)
  failed = []
  for name in _ROWS.value:
    measure, full, quick = rows_lib.ROWS[name]
    minutes = quick if _QUICK.value else full
    print(f'{name}: about {minutes:g} min on two quiet cores', flush=True)
    row_folder = folder / name
    row_folder.mkdir()
    started = time.monotonic()
    try:
      measured = measure(rows_lib.Setting(row_folder, _QUICK.value))
    except RuntimeError as error:
      print(f'{name} failed: {error}', flush=True)
      failed.append(name)
      continue
    report.write(path, measured, description)
    for line in rows_lib.LINES:
      if line.name in measured:
        print(f'  {_say(line, measured[line.name])}', flush=True)
    print(f'  took {(time.monotonic() - started) / 60:.1f} min', flush=True)
  return failed


def _say(line: lines_lib.Line, samples: lines_lib.Samples) -> str:
  found = lines_lib.judged(line, samples)
  sign = '>=' if line.better == 'higher' else '<='
  return (
    f'{line.name}: {found.value:.3g} [{found.low:.3g}, {found.high:.3g}], '
    f'bar {sign} {line.bar:g}, reach {line.reach:g}'
  )


def _compare(path: pathlib.Path) -> list[str]:
  """Says what got faster or slower; the names of what got slower."""
  changes = report.compare(
    rows_lib.LINES, report.read(_COMMITTED), report.read(path)
  )
  print(report.format_changes(changes))
  return [x.line.name for x in changes if x.verdict == 'worse']


def _write_table() -> None:
  table = report.format_table(rows_lib.LINES, report.read(_COMMITTED))
  _PAGE.write_text(report.put(table, _PAGE.read_text()))


if __name__ == '__main__':
  app.run(main)
