"""The script that lays a resumed run beside an uncut one."""

import csv

import experiment_scripts


def test_the_committed_runs_are_drawn(saved_figures, tmp_path):
  with experiment_scripts.load('compare_resumed') as script:
    draw = script.names['draw']
    with script.names['_TABLE'].open(newline='') as file:
      rows = list(csv.DictReader(file))
    draw(rows, tmp_path / 'resumed.png')
  (figure,) = saved_figures
  for axes in figure.axes:
    # Both runs have come to their end.
    assert all(line.get_xdata()[-1] >= 20_000 for line in axes.lines[:2])
  # In one process they are equal.
  uncut, resumed = figure.axes[0].lines[:2]
  assert list(uncut.get_xdata()) == list(resumed.get_xdata())
  assert list(uncut.get_ydata()) == list(resumed.get_ydata())
