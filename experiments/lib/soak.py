"""Whether a program that runs for a long time keeps its memory and speed.

It uses the rows that every distributed run writes to `logs/memory.csv`, one
every 10 seconds. The start, when a program compiles and fills its replay, is
left out as the warm-up.
"""

from collections.abc import Sequence
import dataclasses
import itertools
import pathlib
from typing import Any

import numpy as np
from scipy import stats

from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import memory

Rows = Sequence[dict[str, float]]

# Measurements close in time are correlated. Means over this many blocks are
# nearly independent, so their interval can be trusted.
_NUM_BLOCKS = 8
_MINUTES = 'minutes'
SPEED = 'steps_per_second'
_COLOURS = (
  '#2f6b3f',
  '#b08a3c',
  '#35618f',
  '#8f3535',
  '#6b5b95',
  '#4f8f8b',
  '#777777',
)


@dataclasses.dataclass(frozen=True)
class Trend:
  """How a quantity changed after the warm-up.

  Attributes:
    name: the quantity.
    mean: its mean.
    slope: of a line through it, per minute.
    low: lower end of the slope's 95 % interval.
    high: upper end.
  """

  name: str
  mean: float
  slope: float
  low: float
  high: float

  def is_flat(self, bound: float) -> bool:
    """Whether the interval includes 0, or lies within `bound` of it."""
    return self.low <= 0.0 <= self.high or max(-self.low, self.high) <= bound


def read(workdir: loggers.PathLike) -> list[dict[str, float]]:
  """The rows of a run: minutes since its first, MB by node, and the speed.

  Args:
    workdir: the run's folder.

  Returns:
    One row per row of the file but the first, with the speed since the previous
    row, until the first node leaves for good.
  """
  rows = loggers.read_rows(pathlib.Path(workdir) / 'logs' / 'memory.csv')
  found = []
  for before, row in itertools.pairwise(rows):
    seconds = row[loggers.WALL_CLOCK] - before[loggers.WALL_CLOCK]
    steps = row['actor_steps'] - before['actor_steps']
    minutes = (row[loggers.WALL_CLOCK] - rows[0][loggers.WALL_CLOCK]) / 60.0
    found.append(
      {
        _MINUTES: round(minutes, 3),
        'actor_steps': int(row['actor_steps']),
        SPEED: round(steps / max(seconds, 1e-9), 2),
        **{key: row[key] for key in row if key.endswith('_mb')},
      }
    )
  nodes = _columns(found)
  while found and not found[-1].keys() >= set(nodes):
    del found[-1]
  return found


def fit(name: str, minutes: np.ndarray, values: np.ndarray) -> Trend:
  """Fits a line to block means by least squares.

  Args:
    name: the quantity.
    minutes: the times, [N], growing.
    values: the values, [N].

  Returns:
    The slope with its interval by Student's t.

  Raises:
    ValueError: if there are too few values.
  """
  if len(values) < 2 * _NUM_BLOCKS:
    raise ValueError(
      f'There are {len(values)} rows after the warm-up, and a slope takes '
      f'{2 * _NUM_BLOCKS}: soak for longer, at 6 rows a minute.'
    )
  x, y = (
    np.array([block.mean() for block in np.array_split(part, _NUM_BLOCKS)])
    for part in (minutes, values)
  )
  line: Any = stats.linregress(x, y)
  reach = stats.t.ppf(0.975, _NUM_BLOCKS - 2) * line.stderr
  return Trend(
    name=name,
    mean=float(values.mean()),
    slope=float(line.slope),
    low=float(line.slope - reach),
    high=float(line.slope + reach),
  )


def trends(rows: Rows, warm_up: float) -> list[Trend]:
  """Fits a line to the memory of each node, to the total, and to the speed.

  Args:
    rows: from `read`.
    warm_up: minutes to leave out.

  Returns:
    The trends; the last is the speed's.
  """
  kept = [row for row in rows if row[_MINUTES] > warm_up]
  minutes = np.array([row[_MINUTES] for row in kept])
  names = [name for name in _columns(rows) if all(name in x for x in kept)]
  return [
    fit(name, minutes, np.array([row[name] for row in kept]))
    for name in (*names, SPEED)
  ]


def make_table(found: Sequence[Trend]) -> str:
  """The trends as a table for a document."""
  lines = [
    '| | mean | slope an hour | 95 % interval |',
    '|---|---|---|---|',
  ]
  for trend in found:
    unit = 'steps/s' if trend.name == SPEED else 'MB'
    name = trend.name.removesuffix('_mb') if unit == 'MB' else 'speed'
    slope, low, high = (
      f'{60 * value:+.2f}' for value in (trend.slope, trend.low, trend.high)
    )
    lines.append(
      f'| {name} | {trend.mean:.1f} {unit} | {slope} | {low} to {high} |'
    )
  return '\n'.join(lines) + '\n'


def draw(rows: Rows, warm_up: float, path: loggers.PathLike) -> None:
  """Draws memory by node, and speed, over time.

  Args:
    rows: from `read`.
    warm_up: minutes to shade.
    path: of the picture.
  """
  # Matplotlib takes over a second to import.
  from matplotlib import figure as figure_lib

  figure = figure_lib.Figure(figsize=(7, 6), layout='constrained')
  above, below = figure.subplots(
    2, 1, sharex=True, gridspec_kw={'height_ratios': (3, 1)}
  )
  names = [name for name in _columns(rows) if name != memory.TOTAL]
  for name, colour in zip(names, _COLOURS, strict=False):
    _plot(above, rows, name, colour, name.removesuffix('_mb'))
  above.set_ylabel('resident memory, MB')
  above.set_ylim(bottom=0)
  above.legend(frameon=False, fontsize=8, ncols=4)
  _plot(below, rows, SPEED, '#333333', 'speed')
  below.set_ylabel('environment\nsteps a second')
  below.set_ylim(bottom=0)
  below.set_xlabel('minutes')
  for axes in (above, below):
    axes.axvspan(0, warm_up, color='#eeeeee', zorder=0)
    axes.spines[['top', 'right']].set_visible(False)
    axes.margins(x=0.01)
  figure.savefig(path, dpi=150)


def _columns(rows: Rows) -> list[str]:
  """The columns of memory in all rows."""
  return list({key: None for x in rows for key in x if key.endswith('_mb')})


def _plot(axes: Any, rows: Rows, name: str, colour: str, label: str) -> None:
  found = [(row[_MINUTES], row[name]) for row in rows if name in row]
  minutes, values = np.array(found).T
  axes.plot(minutes, values, color=colour, label=label, linewidth=1.2)
