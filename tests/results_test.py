"""Tests of the tables of results."""

import pathlib

from quinoa_acme import results
from quinoa_acme import sweeps

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_CURVE = ('quinoa', 'default', 'walker-walk')


def _write(path: pathlib.Path, *rows) -> pathlib.Path:
  lines = [','.join(sweeps.COLUMNS)]
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


def test_committed_tables_have_the_documented_columns():
  tables = list((_ROOT / 'experiments' / 'results').glob('*.csv'))
  assert tables
  for table in tables:
    header = table.read_text().splitlines()[0]
    assert header == ','.join(sweeps.COLUMNS), table
    assert results.read([table])
