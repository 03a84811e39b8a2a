"""The learning curve of a run, from the files of its loggers."""

from collections.abc import Mapping, Sequence
import json
import pathlib
from typing import Any

import numpy as np

from quinoa_acme.environments import action_repeat as action_repeat_lib
from quinoa_acme.runs.watching import loggers as loggers_lib

_STEPS = 'actor_steps'
_RETURN = 'episode_return'
_STD = 'episode_return_std'

_CURVE_COLOUR = '#2f6b3f'
_DOT_COLOUR = '#b08a3c'
_TEXT_COLOUR = '#333333'
_GRID_COLOUR = '#e4e4e4'


def plot_learning_curve(workdir: loggers_lib.PathLike) -> pathlib.Path:
  """Draws the returns of a run over its environment steps.

  Reads `<workdir>/logs/evaluator.csv`, one row per evaluation, with the columns
  `actor_steps`, `episode_return` (the mean over its episodes) and, for the
  band, `episode_return_std`. If there are files `<workdir>/logs/actor_*.csv`,
  with one row per episode, their training returns appear as dots. The title is
  `env_name` in `<workdir>/config.json`, if it exists, and `action_repeat` there
  says how many frames a step is.

  Args:
    workdir: The directory of the run, which may still be running.

  Returns:
    The path of the picture, `<workdir>/learning_curve.png`.

  Raises:
    FileNotFoundError: The run has no `logs/evaluator.csv`.
    ValueError: No row of it has the steps and the return.
  """
  # Matplotlib takes over a second to import. The figure is used without pyplot,
  # which would choose a backend for the whole process and keep the figure.
  from matplotlib import figure as figure_lib

  workdir = pathlib.Path(workdir).expanduser()
  evaluations = _read_evaluations(workdir / 'logs' / 'evaluator.csv')
  episodes = [
    row
    for path in sorted((workdir / 'logs').glob('actor_*.csv'))
    for row in _complete(loggers_lib.read_rows(path))
  ]
  described = _describe(workdir)
  figure = figure_lib.Figure(figsize=(7, 4.2), layout='constrained')
  axes = figure.add_subplot()
  if episodes:
    _draw_episodes(axes, episodes)
  _draw_evaluations(axes, evaluations)
  axes.set_title(
    described.get('env_name') or workdir.resolve().name,
    color=_TEXT_COLOUR,
    loc='left',
    fontsize=12,
  )
  _style(axes, described.get('action_repeat', 1))
  # Outside the axes, where no curve can hit it.
  figure.legend(
    loc='outside lower center',
    ncols=3,
    reverse=True,
    frameon=False,
    labelcolor=_TEXT_COLOUR,
  )
  path = workdir / 'learning_curve.png'
  figure.savefig(path, dpi=150)
  return path


def _draw_episodes(axes: Any, episodes: Sequence[Mapping[str, float]]) -> None:
  axes.plot(
    _column(episodes, _STEPS),
    _column(episodes, _RETURN),
    linestyle='none',
    marker='o',
    markersize=3,
    markeredgewidth=0,
    color=_DOT_COLOUR,
    alpha=0.35,
    label='training episode',
  )


def _draw_evaluations(
  axes: Any, evaluations: Sequence[Mapping[str, float]]
) -> None:
  steps = _column(evaluations, _STEPS)
  mean = _column(evaluations, _RETURN)
  if any(_STD in row for row in evaluations):
    std = _column(evaluations, _STD)
    axes.fill_between(
      steps,
      mean - std,
      mean + std,
      color=_CURVE_COLOUR,
      alpha=0.18,
      linewidth=0,
      label='± one standard deviation',
    )
  axes.plot(
    steps,
    mean,
    color=_CURVE_COLOUR,
    linewidth=2,
    # A single evaluation is a point, which a line would not show.
    marker='o' if len(steps) == 1 else None,
    label='evaluation, mean',
  )


def _style(axes: Any, action_repeat: int) -> None:
  from matplotlib import ticker as ticker_lib

  axes.set_xlabel(
    action_repeat_lib.label_steps(action_repeat), color=_TEXT_COLOUR
  )
  axes.set_ylabel('return of an episode', color=_TEXT_COLOUR)
  axes.xaxis.set_major_formatter(ticker_lib.EngFormatter(sep=''))
  axes.grid(color=_GRID_COLOUR, linewidth=0.8)
  axes.set_axisbelow(True)
  axes.spines[['top', 'right']].set_visible(False)
  axes.spines[['left', 'bottom']].set_color(_GRID_COLOUR)
  axes.tick_params(color=_GRID_COLOUR, labelcolor=_TEXT_COLOUR)
  axes.margins(x=0.01)


def _read_evaluations(path: pathlib.Path) -> list[Mapping[str, float]]:
  """Reads the evaluations of a run, in order of steps.

  A resumed run repeats the steps since its checkpoint. The rows of the repeat
  replace those of the lost part.
  """
  if not path.exists():
    raise FileNotFoundError(
      f'There is no {path}. Give the directory of a run that has evaluated its'
      ' policy at least once.'
    )
  kept = []
  for row in reversed(_complete(loggers_lib.read_rows(path))):
    if not kept or row[_STEPS] < kept[-1][_STEPS]:
      kept.append(row)
  if not kept:
    raise ValueError(
      f'{path} has no row with {_STEPS} and {_RETURN} yet: wait for the first'
      ' evaluation.'
    )
  return kept[::-1]


def _complete(rows: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
  """Keeps the rows that can be placed in the picture."""
  return [row for row in rows if _STEPS in row and _RETURN in row]


def _column(rows: Sequence[Mapping[str, float]], key: str) -> np.ndarray:
  """Returns one column, float64 of shape [rows], 0 where a row lacks it."""
  return np.array([row.get(key, 0.0) for row in rows])


def _describe(workdir: pathlib.Path) -> Mapping[str, Any]:
  """Returns what `config.json` says of the run, if it exists."""
  config = workdir / 'config.json'
  return json.loads(config.read_text()) if config.exists() else {}
