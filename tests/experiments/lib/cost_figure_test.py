"""The figure of what an update and an action cost."""

import statistics

from experiments.lib import cost
from experiments.lib import cost_figure
from experiments.lib import csv_files


def test_the_committed_costs_are_drawn(saved_figures, tmp_path):
  rows = csv_files.read(cost_figure.TABLE)
  cost_figure.draw(rows, tmp_path / 'cost.png')
  (figure,) = saved_figures
  # Updates above, actions below, a column for each that varies.
  assert len(figure.axes) == 2 * len(cost.VALUES)
  for axes, (varied, values) in zip(
    figure.axes, cost.VALUES.items(), strict=False
  ):
    [line] = axes.lines
    assert tuple(line.get_xdata()) == values
    found = [
      float(row['update_ms'])
      for row in rows
      if (row['varied'], int(row['value'])) == (varied, values[0])
    ]
    assert line.get_ydata()[0] == statistics.median(found)
