"""Measures the speed of this library beside its peers; `make bench`.

  python -m benchmarks
  python -m benchmarks --rows=learner,imports --quick
  python -m benchmarks --compare

Writes the samples to the file of this processor in `benchmarks/results/`, row
by row, and from all such files the tables of docs/speed.md. With `--compare` it
leaves both alone, compares with the committed file of this processor, or, if
there is none, with the newest, and ends with status 1 if anything got slower.
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

_RESULTS = turns.ROOT / 'benchmarks' / 'results'
_PAGE = turns.ROOT / 'docs' / 'speed.md'

_ROWS = flags.DEFINE_list(
  'rows', list(rows_lib.ROWS), f'Which of {", ".join(rows_lib.ROWS)}.'
)
_QUICK = flags.DEFINE_bool('quick', False, 'Fewer and shorter samples.')
_OUT = flags.DEFINE_string(
  'out', None, "The JSON file; this processor's if not set, and not --quick."
)
_COMPARE = flags.DEFINE_bool(
  'compare', False, 'Compare with a committed file, and leave it alone.'
)
_TABLE = flags.DEFINE_bool('table', False, 'Only write the tables again.')


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
  path = folder / 'speed.json' if aside else report.path_of(_RESULTS)
  path = pathlib.Path(_OUT.value) if _OUT.value else path
  print(f'Logs: {folder}\nSamples: {path}', flush=True)
  failed = _measure(folder, path)
  if path.parent == _RESULTS:
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
  committed = report.path_of(_RESULTS)
  if not committed.exists():
    committed = report.newest_first(_RESULTS)[0]
    print('There are no figures of this processor.')
  print(f'Compared with {committed.name}:')
  changes = report.compare(
    rows_lib.LINES, report.read(committed), report.read(path)
  )
  print(report.format_changes(changes))
  return [x.line.name for x in changes if x.verdict == 'worse']


def _write_table() -> None:
  tables = '\n\n'.join(
    f'{report.headline(path)}\n\n'
    f'{report.format_table(rows_lib.LINES, report.read(path))}'
    for path in report.newest_first(_RESULTS)
  )
  _PAGE.write_text(report.put(tables, _PAGE.read_text()))


if __name__ == '__main__':
  app.run(main)
