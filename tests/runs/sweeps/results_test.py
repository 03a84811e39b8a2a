"""Tests of the tables of results."""

import pathlib

import pytest

from quinoa_acme.runs.sweeps import results

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_CURVE = ('quinoa', 'default', 'walker-walk')


def _write(path: pathlib.Path, *rows) -> pathlib.Path:
  lines = [','.join(results.COLUMNS)]
  for seed, steps, value in rows:
    lines.append(f'{",".join(_CURVE)},{seed},{steps},0,1.0,{value},x,0,c')
  path.write_text('\n'.join(lines) + '\n')
  return path


def test_seeds_come_together_at_each_number_of_steps(tmp_path):
  path = _write(
    tmp_path / 'a.csv',
    *((1, 0, 5.0), (0, 0, 1.0), (2, 0, 9.0), (1, 10, 7.5), (0, 10, 2.5)),
  )
  curves = results.read([path])
  assert list(curves) == [_CURVE]
  first, second = curves[_CURVE]
  assert (first.steps, first.returns) == (0, (1.0, 5.0, 9.0))
  assert first.median == 5.0
  assert second.returns == (2.5, 7.5)
  assert results.at(curves, _CURVE, 10) == second
  assert results.at(curves, _CURVE, 20) is None
  assert results.at(curves, ('sac', 'default', 'walker-walk'), 10) is None


def test_a_cell_says_how_many_seeds_there_were():
  assert results.format_point(None) == 'not run'
  assert results.format_point(results.Point(1, (3.4,))) == '3 (1 seed)'
  point = results.Point(1, (3.4, 1.0, 10.0))
  assert results.format_point(point) == '3 (1 to 10, 3 seeds)'


def _rows(path: pathlib.Path) -> list[str]:
  return path.read_text().splitlines()[1:]


def _row(seed: int, steps: int, value: float) -> dict:
  values = [*_CURVE, seed, steps, 0, 1.0, value, 'x', '0', 'c']
  return dict(zip(results.COLUMNS, values, strict=True))


def test_a_run_takes_the_place_of_its_own_rows_alone(tmp_path):
  table = _write(tmp_path / 'a.csv', (0, 0, 1.0), (0, 10, 2.0), (1, 0, 3.0))
  results.update_table(table, [_row(1, 10, 5.0), _row(1, 0, 4.0)])
  runs = results.read_runs([table])[_CURVE]
  assert runs == {0: {0: 1.0, 10: 2.0}, 1: {0: 4.0, 10: 5.0}}
  # Measured anew to the same end, the new rows count.
  results.update_table(table, [_row(1, 10, 6.0)])
  assert results.read_runs([table])[_CURVE][1] == {10: 6.0}


def test_a_run_that_has_not_come_as_far_does_not_replace_one(tmp_path):
  table = _write(tmp_path / 'a.csv', (0, 0, 1.0), (0, 100, 2.0))
  before = _rows(table)
  results.update_table(table, [_row(0, 0, 7.0), _row(0, 90, 8.0)])
  assert _rows(table) == before


def _repeated(seed: int, steps: int, value: float) -> dict:
  return {**_row(seed, steps, value), 'action_repeat': 2}


def test_runs_that_repeat_actions_are_of_another_curve(tmp_path):
  table = _write(tmp_path / 'a.csv', (0, 0, 1.0), (0, 100, 2.0))
  before = table.read_text()
  results.update_table(table, [_row(0, 50, 9.0)])
  # A table of before stays as it is.
  assert table.read_text() == before
  results.update_table(table, [_repeated(0, 0, 3.0), _repeated(0, 50, 4.0)])
  header, *rows = table.read_text().splitlines()
  assert header == ','.join((*results.COLUMNS, *results.REPEAT_COLUMNS))
  assert [row.split(',')[-2:] for row in rows] == [
    ['1', '0'],
    ['1', '100'],
    ['2', '0'],
    ['2', '100'],
  ]
  assert [row.split(',')[2] for row in rows] == ['walker-walk'] * 4
  repeated = (*_CURVE[:2], 'walker-walk, action repeat 2')
  assert results.read_runs([table]) == {
    _CURVE: {0: {0: 1.0, 100: 2.0}},
    repeated: {0: {0: 3.0, 50: 4.0}},
  }
  # And so it is completed.
  results.update_table(table, [_row(1, 0, 5.0)])
  assert results.read_runs([table])[_CURVE][1] == {0: 5.0}
  assert results.read_runs([table])[repeated] == {0: {0: 3.0, 50: 4.0}}


def test_a_name_of_a_task_has_its_action_repeat():
  for repeat in (1, 2, 10):
    assert results.repeat_of(results.name_task('walker-walk', repeat)) == repeat
  task = results.name_task('walker-walk', 2)
  assert results.format_steps(task, 50_000) == '50,000 (100,000 frames)'
  assert results.format_steps('walker-walk', 50_000) == '50,000'


def test_a_file_with_other_columns_is_refused(tmp_path):
  path = tmp_path / 'a.csv'
  path.write_text('agent,return\nquinoa,3\n')
  with pytest.raises(ValueError, match=r"is not a table of results.*'return'"):
    results.read([path])


def test_committed_tables_have_the_documented_columns():
  # Others are of other measurements, which the scripts of their names describe.
  others = {
    'advantages',
    'cost',
    'devices',
    'imports',
    'profile',
    'resumed',
    'tasks',
    'scaling',
    'soak',
    'update_times',
  }
  tables = [
    table
    for table in (_ROOT / 'experiments' / 'results').glob('*.csv')
    if table.stem not in others
  ]
  assert tables
  for table in tables:
    header = tuple(table.read_text().splitlines()[0].split(','))
    with_repeat = (*results.COLUMNS, *results.REPEAT_COLUMNS)
    assert header in (results.COLUMNS, with_repeat), table
    assert results.read([table])
