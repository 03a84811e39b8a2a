"""One figure that shows how a run learns, from the files of its loggers.

Look first at V against the policy's discounted return. If V rises far above it,
bootstrapping has inflated V, and nothing learned from it is sound.
"""

from collections.abc import Sequence
import dataclasses
import pathlib
from typing import Any

import numpy as np

from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.watching import loggers as loggers_lib


@dataclasses.dataclass(frozen=True)
class Panel:
  """One panel of the figure.

  Attributes:
    title: what it shows.
    curves: (file, column, label) of each curve.
    level: a reference height, or None.
    logarithmic: whether the vertical axis is logarithmic.
  """

  title: str
  curves: Sequence[tuple[str, str, str]]
  level: float | None = None
  logarithmic: bool = False


PANELS = (
  Panel(
    'return',
    (
      ('evaluator', 'episode_return', 'evaluation'),
      ('actor_0', 'episode_return', 'training'),
    ),
  ),
  Panel(
    'V, and the discounted return of the policy',
    (
      ('evaluator', 'discounted_return', 'discounted return'),
      ('learner', 'value_mean', 'V, replayed states'),
      ('learner', 'critic_mean', 'critics, replayed'),
    ),
  ),
  Panel(
    'KL to the prior, over its bound',
    (('learner', 'kl_over_epsilon', 'KL/ε'),),
    level=1.0,
  ),
  Panel(
    'temperature',
    (('learner', 'temperature', 'alpha'),),
    logarithmic=True,
  ),
  Panel(
    'D where Q is fitted',
    (
      ('learner', 'log_ratio_mean', 'mean'),
      ('learner', 'log_ratio_min', 'least'),
    ),
  ),
  Panel(
    'share of actions at the bounds',
    (('learner', 'share_at_bounds', 'share'),),
  ),
  Panel(
    'gradient norm',
    (('learner', 'gradient_norm', 'norm'),),
    logarithmic=True,
  ),
  Panel(
    'losses',
    (
      ('learner', 'loss', 'loss'),
      ('learner', 'critic_loss', 'critics'),
      ('learner', 'policy_loss', 'policy'),
      ('learner', 'value_loss', 'value'),
    ),
    logarithmic=True,
  ),
)
# The columns of steps that place a file's rows.
_STEPS = {'evaluator': 'actor_steps', 'actor_0': 'actor_steps'}
# What a learner logs in units of the rewards that it sees.
_SCALED = ('value_mean', 'critic_mean')
_COLOURS = ('#2f6b3f', '#b08a3c', '#35618f', '#8f3535')


def plot_diagnostics(workdir: loggers_lib.PathLike) -> pathlib.Path:
  """Draws `PANELS` over time, V and returns in the environment's unit.

  Args:
    workdir: the directory of the run, which may still be running.

  Returns:
    The path of the picture, `<workdir>/diagnostics.png`.

  Raises:
    FileNotFoundError: The run has no `logs/learner.csv` yet.
  """
  # Matplotlib takes over a second to import.
  from matplotlib import figure as figure_lib

  workdir = pathlib.Path(workdir).expanduser()
  rows = {
    path.stem: loggers_lib.read_rows(path)
    for path in (workdir / 'logs').glob('*.csv')
  }
  if 'learner' not in rows:
    raise FileNotFoundError(
      f'There is no {workdir}/logs/learner.csv. Give the directory of a run '
      'that has begun to learn.'
    )
  _unscale(rows['learner'], _reward_scale(workdir))
  figure = figure_lib.Figure(figsize=(13, 6), layout='constrained')
  for axes, panel in zip(figure.subplots(2, 4).flat, PANELS, strict=True):
    _draw(axes, panel, rows)
  figure.suptitle(workdir.resolve().name + _tell_repeat(workdir), fontsize=10)
  path = workdir / 'diagnostics.png'
  figure.savefig(path, dpi=110)
  return path


def _tell_repeat(workdir: pathlib.Path) -> str:
  try:
    repeat = run_folder.read_action_repeat(str(workdir))
  except FileNotFoundError:
    return ''
  return '' if repeat == 1 else f', a step is {repeat} frames'


def _reward_scale(workdir: pathlib.Path) -> float:
  try:
    agent = run_folder.read_description(str(workdir))['agent']
  except FileNotFoundError:
    # There are only logs, from a program other than the scripts.
    return 1.0
  return agent.get('reward_scale', 1.0)


def _unscale(rows: list[dict], reward_scale: float) -> None:
  for row in rows:
    row |= {key: row[key] / reward_scale for key in _SCALED if key in row}


def _draw(axes: Any, panel: Panel, rows: dict[str, list[dict]]) -> None:
  for colour, (file, column, label) in zip(
    _COLOURS, panel.curves, strict=False
  ):
    steps_key = _STEPS.get(file, 'learner_steps')
    found = [
      (row[steps_key], row[column])
      for row in rows.get(file, ())
      if column in row and steps_key in row
    ]
    if found:
      steps, values = np.array(found).T
      axes.plot(steps / 1000, values, color=colour, label=label, linewidth=1)
  if panel.level is not None:
    axes.axhline(panel.level, color='#999999', linewidth=0.8, zorder=0)
  if panel.logarithmic:
    axes.set_yscale('log')
  axes.set_title(panel.title, fontsize=9)
  axes.set_xlabel('thousand steps', fontsize=8)
  axes.tick_params(labelsize=8)
  axes.spines[['top', 'right']].set_visible(False)
  if axes.get_legend_handles_labels()[0]:
    axes.legend(frameon=False, fontsize=7)
