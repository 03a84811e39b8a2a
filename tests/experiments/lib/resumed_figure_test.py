"""The figure of runs that were killed and resumed."""

from experiments.lib import csv_files
from experiments.lib import places
from experiments.lib import resumed_figure


def test_the_committed_runs_are_drawn(saved_figures, tmp_path):
  rows = csv_files.read(places.RESULTS / 'resumed.csv')
  resumed_figure.draw(rows, tmp_path / 'resumed.png')
  (figure,) = saved_figures
  for axes in figure.axes:
    # Both runs have come to their end.
    assert all(line.get_xdata()[-1] >= 20_000 for line in axes.lines[:2])
  # In one process they are equal.
  uncut, resumed = figure.axes[0].lines[:2]
  assert list(uncut.get_xdata()) == list(resumed.get_xdata())
  assert list(uncut.get_ydata()) == list(resumed.get_ydata())
