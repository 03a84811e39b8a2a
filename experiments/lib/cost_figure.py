"""A figure of what an update and an action cost, as the work grows."""

from collections.abc import Mapping, Sequence
import pathlib
import statistics

from matplotlib import figure as figure_lib

from experiments.lib import places
from quinoa_acme.runs import scripts

_QUANTITIES = {'update_ms': 'update, ms', 'action_us': 'action, µs'}

TABLE = places.RESULTS / 'cost.csv'
_PICTURE = places.IMAGES / 'cost.png'


def place(folder: str) -> list[pathlib.Path]:
  """Where table and picture lie below a folder, whose folders are made.

  Args:
    folder: the value of `--output`.

  Raises:
    ValueError: if nothing can be written there.
  """
  return scripts.place_outputs(folder, places.ROOT, TABLE, _PICTURE)


def draw(rows: Sequence[Mapping[str, str]], path: pathlib.Path) -> None:
  """Draws medians over rounds with their range; one column per varied quantity.

  Args:
    rows: rows of the table.
    path: the file for the picture.
  """
  columns = list(dict.fromkeys(row['varied'] for row in rows))
  figure = figure_lib.Figure(figsize=(10, 5.5), layout='constrained')
  axes = figure.subplots(2, len(columns), sharey='row')
  for column, varied in enumerate(columns):
    found = [row for row in rows if row['varied'] == varied]
    values = sorted({int(row['value']) for row in found})
    for axis, quantity in zip(axes[:, column], _QUANTITIES, strict=True):
      samples = [
        [float(row[quantity]) for row in found if int(row['value']) == value]
        for value in values
      ]
      axis.plot(values, [statistics.median(x) for x in samples], marker='o')
      axis.fill_between(
        values, [min(x) for x in samples], [max(x) for x in samples], alpha=0.2
      )
      axis.set(xscale='log', xticks=values, xticklabels=values)
      axis.minorticks_off()
      axis.grid(alpha=0.3)
    axes[1, column].set_xlabel(varied)
  # After everything is drawn, because it fixes the scale of the whole row.
  for axis, name in zip(axes[:, 0], _QUANTITIES.values(), strict=True):
    axis.set_ylim(bottom=0)
    axis.set_ylabel(name)
  figure.savefig(path, dpi=120)
