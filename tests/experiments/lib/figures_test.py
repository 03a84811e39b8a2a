"""Tests of the figures of many runs: what is in them, not how they look."""

import numpy as np
import pytest

from experiments.lib import figures
from quinoa_acme.runs.sweeps import results

_LOOK = figures.algorithm('quinoa', 'default')
_OTHER = figures.algorithm('sac', 'default/width-128')


def _curves():
  """Quinoa on two tasks, three seeds of which one is cut; SAC on one."""
  point = results.Point
  return {
    ('quinoa', 'default', 'a'): [
      point(0, (1.0, 2.0, 6.0)),
      point(10, (4.0, 5.0, 9.0)),
      point(20, (7.0, 9.0)),
    ],
    ('quinoa', 'default', 'b'): [
      point(0, (100.0, 300.0, 200.0)),
      point(10, (400.0, 400.0, 400.0)),
    ],
    ('sac', 'default/width-128', 'a'): [point(0, (8.0,)), point(10, (3.0,))],
  }


def _lines(axes, look):
  return [
    list(zip(*line.get_data(), strict=True))
    for line in axes.get_lines()
    if line.get_color() == look.colour
  ]


@pytest.fixture(scope='module')
def grid():
  figure = figures.draw_suite(_curves(), [_LOOK, _OTHER], ['a', 'b'])
  return np.array(figure.axes).reshape(2, 3)


def test_medians_are_drawn_with_the_range_and_dashed_where_seeds_end(grid):
  complete, cut = _lines(grid[0, 0], _LOOK)
  assert complete == [(0, 2.0), (10, 5.0)]
  assert cut == [(10, 5.0), (20, 8.0)]
  corners = {
    tuple(x) for x in grid[0, 0].collections[0].get_paths()[0].vertices
  }
  assert {(0, 1.0), (0, 6.0), (10, 9.0), (20, 7.0)} <= corners
  assert _lines(grid[0, 0], _OTHER) == [[(0, 8.0), (10, 3.0)]]
  assert not _lines(grid[0, 1], _OTHER)


def test_one_seed_has_a_line_and_no_interval(grid):
  assert _lines(grid[1, 0], _OTHER) == [[(0, 8.0), (10, 3.0)]]
  # Quinoa's interval is the only band.
  assert len(grid[1, 0].collections) == 1


def test_all_tasks_are_together_where_all_were_run(grid):
  (line,) = _lines(grid[1, 2], _LOOK)
  # Of 1, 2, 6, 100, 200, 300 and of 4, 5, 9, 400, 400, 400 the middle four.
  assert line == [(0, pytest.approx(77.0)), (10, pytest.approx(203.5))]
  assert not _lines(grid[1, 2], _OTHER)
  legend = {text.get_text() for text in grid[0, 2].get_legend().get_texts()}
  assert legend == {'Quinoa, fitted to critics', "Acme's SAC, 128 wide"}


def test_an_axis_says_how_many_frames_a_step_is(grid):
  assert grid[1, 0].get_xlabel() == 'environment steps'
  task = results.name_task('a', 2)
  curves = {('quinoa', 'default', task): _curves()['quinoa', 'default', 'a']}
  axes = np.array(figures.draw_suite(curves, [_LOOK], [task]).axes)
  above, together, below, below_together = axes
  assert above.get_title() == 'a, action repeat 2'
  assert together.get_legend() is not None
  for each in (below, below_together):
    assert each.get_xlabel() == 'environment steps (2 frames each)'


def test_an_algorithm_without_looks_of_its_own_is_drawn_by_its_name():
  look = figures.algorithm('quinoa', 'default/wide')
  assert look.name == 'quinoa, default/wide'


def test_a_figure_is_the_same_file_every_time(tmp_path):
  for name in ('a.png', 'b.png'):
    figure = figures.draw_suite(_curves(), [_LOOK], ['a'])
    figures.save(figure, tmp_path / name)
  first, second = ((tmp_path / x).read_bytes() for x in ('a.png', 'b.png'))
  assert first == second
