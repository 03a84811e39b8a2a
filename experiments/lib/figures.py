"""Figures of many runs: returns over environment steps, algorithm by algorithm.

The seeds of a curve are summarised in two ways: the median with the range, as
in figure 1 of the Quinoa paper, and the interquartile mean with its bootstrap
interval. A line is dashed where some seeds have not come so far.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import pathlib
from typing import Any

from matplotlib import figure as figure_lib
from matplotlib import ticker as ticker_lib
import numpy as np

from experiments.lib import bootstrap
from quinoa_acme.environments import action_repeat
from quinoa_acme.runs.sweeps import results

Curves = Mapping[results.Curve, Sequence[results.Point]]

# A return of the DeepMind Control Suite lies in 0..1000.
_RETURNS = (0, 1000)


@dataclasses.dataclass(frozen=True)
class Algorithm:
  """The look of the curves of one agent and preset.

  Attributes:
    agent: as in the tables of results.
    preset: as in the tables of results.
    name: for people.
    colour: of its curves.
  """

  agent: str
  preset: str
  name: str
  colour: str


_KNOWN = (
  Algorithm('quinoa', 'direct', 'Quinoa, one TD loss (direct)', '#2f8f8a'),
  Algorithm('quinoa', 'default', 'Quinoa, fitted to critics', '#2f6b3f'),
  Algorithm('quinoa', 'paper', 'Quinoa, paper preset', '#35618f'),
  Algorithm('sac', 'default', "Acme's SAC, 256 wide", '#c2653c'),
  Algorithm('sac', 'default/width-128', "Acme's SAC, 128 wide", '#b08a3c'),
  Algorithm(
    'sac',
    'layer_norm_three_steps',
    "Acme's SAC, 256 wide, with layer norm and 3-step returns",
    '#d08aa8',
  ),
  Algorithm(
    'sac',
    'simba',
    "Acme's SAC with SimBa's networks, critic 512 wide, 2 updates a step",
    '#5b5b9f',
  ),
  Algorithm('svg0', 'default', 'SVG(0)', '#8f3535'),
  Algorithm('d4pg', 'default', "Acme's D4PG", '#6d4c8f'),
  Algorithm(
    'd4pg', 'default/values-to-200', "Acme's D4PG, values to 200", '#9f7fc0'
  ),
)


def algorithm(agent: str, preset: str) -> Algorithm:
  """The look of an agent and preset; if unknown, grey with its own name."""
  for known in _KNOWN:
    if (known.agent, known.preset) == (agent, preset):
      return known
  return Algorithm(agent, preset, f'{agent}, {preset}', '#777777')


def draw_suite(
  curves: Curves, algorithms: Sequence[Algorithm], tasks: Sequence[str]
) -> figure_lib.Figure:
  """Draws medians above and interquartile means below, one column per task.

  A last column has the interquartile mean over all tasks, for algorithms that
  have been run on all of them.

  Args:
    curves: points by curve.
    algorithms: the algorithms to draw; those without curves are left out.
    tasks: at least one.

  Returns:
    The figure.
  """
  figure = figure_lib.Figure(
    figsize=(2.6 * (len(tasks) + 1), 5.2), layout='constrained'
  )
  grid = figure.subplots(2, len(tasks) + 1, squeeze=False)
  for column, task in enumerate(tasks):
    above, below = grid[:, column]
    for each in algorithms:
      points = curves.get((each.agent, each.preset, task), ())
      draw_median(above, points, each)
      draw_interquartile_mean(below, [points], each)
    style(above, task)
    style(below, '')
    label_steps(below, [task])
  legend, together = grid[:, -1]
  for each in algorithms:
    of_tasks = [curves.get((each.agent, each.preset, x), ()) for x in tasks]
    draw_interquartile_mean(together, of_tasks, each)
  style(together, 'all tasks')
  label_steps(together, tasks)
  legend.set_axis_off()
  _draw_legend(legend, grid)
  grid[0, 0].set_ylabel('return: median, range', fontsize=8)
  grid[1, 0].set_ylabel('return: IQM, 95 % interval', fontsize=8)
  return figure


def draw_median(
  axes: Any, points: Sequence[results.Point], look: Algorithm
) -> None:
  """Draws the median over seeds, and the range from smallest to largest.

  Args:
    axes: Matplotlib's axes.
    points: the curve, by step; if empty, the axes stay as they are.
    look: name and colour.
  """
  if not points:
    return
  axes.fill_between(
    [point.steps for point in points],
    [min(point.returns) for point in points],
    [max(point.returns) for point in points],
    color=look.colour,
    alpha=0.2,
    linewidth=0,
  )
  _draw_line(axes, [points], [point.median for point in points], look)


def draw_interquartile_mean(
  axes: Any,
  points_of_tasks: Sequence[Sequence[results.Point]],
  look: Algorithm,
) -> None:
  """Draws the interquartile mean over tasks and seeds, with its interval.

  An interval needs two or more seeds of every task.

  Args:
    axes: Matplotlib's axes.
    points_of_tasks: one curve per task. Only their common steps are drawn.
    look: name and colour.
  """
  by_steps = [{x.steps: x for x in points} for points in points_of_tasks]
  common = sorted(set(by_steps[0]).intersection(*by_steps[1:]))
  if not common:
    return
  points = [[task[steps] for steps in common] for task in by_steps]
  scores = [
    [np.array(x.returns) for x in at] for at in zip(*points, strict=True)
  ]
  intervals = [
    (steps, bootstrap.interval(at))
    for steps, at in zip(common, scores, strict=True)
    if min(len(task) for task in at) > 1
  ]
  if intervals:
    axes.fill_between(
      [steps for steps, _ in intervals],
      [found.low for _, found in intervals],
      [found.high for _, found in intervals],
      color=look.colour,
      alpha=0.2,
      linewidth=0,
    )
  means = [bootstrap.interquartile_mean(at) for at in scores]
  _draw_line(axes, points, means, look)


def _draw_line(
  axes: Any,
  points_of_tasks: Sequence[Sequence[results.Point]],
  values: Sequence[float],
  look: Algorithm,
) -> None:
  """Draws values over steps, dashed where seeds are missing."""
  steps = [point.steps for point in points_of_tasks[0]]
  num_seeds = np.array(
    [[len(point.returns) for point in points] for points in points_of_tasks]
  )
  complete = (num_seeds == num_seeds.max(axis=1, keepdims=True)).all(axis=0)
  num_complete = int(complete.sum())
  axes.plot(
    steps[:num_complete],
    values[:num_complete],
    color=look.colour,
    linewidth=1.6,
    label=look.name,
  )
  if num_complete < len(steps):
    axes.plot(
      steps[num_complete - 1 :],
      values[num_complete - 1 :],
      color=look.colour,
      linewidth=1.2,
      linestyle=(0, (2, 1.5)),
    )


def label_steps(axes: Any, tasks: Sequence[str]) -> None:
  """Labels an axis of environment steps, and says how many frames one is.

  Args:
    axes: Matplotlib's axes.
    tasks: what is drawn, each as `results.name_task` names it.
  """
  labels = dict.fromkeys(
    action_repeat.label_steps(results.repeat_of(task)) for task in tasks
  )
  axes.set_xlabel(' or '.join(labels), fontsize=8)


def style(axes: Any, title: str) -> None:
  """Sets range, ticks and title of axes of returns over steps."""
  axes.set_title(title, fontsize=10)
  axes.set_ylim(*_RETURNS)
  axes.xaxis.set_major_formatter(ticker_lib.EngFormatter(sep=''))
  axes.tick_params(labelsize=8)
  axes.margins(x=0.01)
  axes.spines[['top', 'right']].set_visible(False)


def _draw_legend(axes: Any, grid: np.ndarray) -> None:
  lines = {
    line.get_label(): line
    for each in grid.flat
    for line in each.get_lines()
    if not str(line.get_label()).startswith('_')
  }
  axes.legend(
    list(lines.values()),
    list(lines),
    loc='center',
    frameon=False,
    fontsize=9,
  )


def save(figure: figure_lib.Figure, path: pathlib.Path) -> None:
  """Writes a figure, the same bytes every time."""
  path.parent.mkdir(parents=True, exist_ok=True)
  figure.savefig(path, dpi=130, metadata={'Software': None})
