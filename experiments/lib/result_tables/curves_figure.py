"""The picture of learning curves, one panel per task."""

import pathlib
from typing import Any

from matplotlib import figure as figure_lib

from experiments.lib import figures
from experiments.lib.result_tables import looks


def draw(curves: figures.Curves, path: pathlib.Path) -> None:
  """Draws the median over seeds, with the range, for every task.

  Args:
    curves: points by curve.
    path: the file for the picture.
  """
  figure = figure_lib.Figure(
    figsize=(2.8 * len(looks.TASKS), 3.2), layout='constrained'
  )
  for axes, task in zip(
    figure.subplots(1, len(looks.TASKS)), looks.TASKS, strict=True
  ):
    for look in looks.ALGORITHMS:
      points = curves.get((look.agent, look.preset, task), ())
      figures.draw_median(axes, points, look)
    figures.style(axes, task)
    figures.label_steps(axes, [task])
  figure.axes[0].set_ylabel('return', fontsize=8)
  lines: dict[str, Any] = {}
  for axes in figure.axes:
    handles, names = axes.get_legend_handles_labels()
    lines |= dict(zip(names, handles, strict=True))
  figure.legend(
    list(lines.values()),
    list(lines),
    loc='outside lower center',
    ncols=len(lines),
    frameon=False,
    fontsize=8,
  )
  figures.save(figure, path)
