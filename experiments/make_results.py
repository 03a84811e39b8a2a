"""Remakes the tables and pictures of the README and of the results page.

  python experiments/make_results.py --output=.

They are made only from the committed tables in `experiments/results`, the sweep
of ablations, and the published returns in `experiments/published`. They go
below the folder `--output`. `figure1.py` and `figure2.py` draw the figures.
"""

from collections.abc import Mapping, Sequence
import csv
import math
import pathlib
import statistics
import sys
from typing import Any

from absl import flags
from matplotlib import figure as figure_lib
import numpy as np

from experiments.lib import bootstrap
from experiments.lib import figures
from experiments.lib import modes as modes_lib
from experiments.lib import policy_figure
from quinoa_acme.runs import running
from quinoa_acme.runs import scripts
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_TABLES = _ROOT / 'experiments' / 'results'
_SWEEPS = _ROOT / 'experiments' / 'sweeps'
_PUBLISHED = _ROOT / 'experiments' / 'published' / 'dmc_state_returns.csv'
_README = _ROOT / 'README.md'
_DOCUMENT = _ROOT / 'docs' / 'results.md'
_ABLATIONS = _ROOT / 'docs' / 'ablations.md'
_PICTURE = _ROOT / 'docs' / 'images' / 'learning_curves.png'
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for documents and picture; that of the repository renews them.',
  required=True,
)
_BEGIN, _END = '<!-- {} made by make_results.py -->', '<!-- end of {} -->'
# A sweep with an option that no longer exists; its rows remain.
_DELETED = 'deleted_{}.json'
_FIGURE1 = _ROOT / 'experiments' / 'sweeps' / 'figure1.json'
# Steps at which figure 1 is read too, besides its end.
_FIRST_STEPS = 50_000
# Curves whose learner steps are shown with their returns, and at which steps.
_PAPER = {
  ('quinoa', 'paper'): 'Quinoa, paper preset',
  ('quinoa', 'paper/updates-4'): 'with four updates a step',
  ('svg0', 'default'): 'SVG(0)',
}
_PAPER_ROWS = (
  ('walker-walk', 50_000),
  ('walker-walk', 100_000),
  ('cheetah-run', 50_000),
  ('cheetah-run', 100_000),
  ('cheetah-run', 250_000),
)
_OFFLINE_STEPS = (10_000, 20_000)
_OFFLINE = {'quinoa': 'Quinoa, `offline` preset', 'bc': 'Behaviour cloning'}

# For each curve and seed, the returns by step.
_Returns = Mapping[results.Curve, Mapping[int, results.RunReturns]]

# The published SAC that acts at every frame, as ours do.
_SAME_CONDITIONS = 'https://github.com/denisyarats/pytorch_sac'

_ALGORITHMS = (
  figures.algorithm('quinoa', 'direct'),
  figures.algorithm('quinoa', 'default'),
  figures.algorithm('sac', 'default'),
  figures.algorithm('sac', 'default/width-128'),
  figures.algorithm('svg0', 'default'),
)
# The tables with their rows.
_RUNS = ('bars', 'direct', 'peers')
# Tasks, and the steps at which their returns are read.
_ROWS = (
  ('walker-walk', 50_000),
  ('walker-walk', 100_000),
  ('cheetah-run', 100_000),
  ('cheetah-run', 250_000),
  ('hopper-stand', 100_000),
  ('hopper-stand', 250_000),
  ('cartpole-swingup', 50_000),
)
_TASKS = tuple(dict.fromkeys(task for task, _ in _ROWS))
# The README shows the end of each task, next to SAC of equal width.
_README_ROWS = tuple({task: (task, steps) for task, steps in _ROWS}.values())
_README_ALGORITHMS = (*_ALGORITHMS[:2], _ALGORITHMS[3])
# Tasks on which nothing was tuned, and the steps at which they are read.
_HELD_OUT = (
  ('finger-spin', 100_000),
  ('reacher-hard', 100_000),
  ('ball_in_cup-catch', 100_000),
  ('quadruped-walk', 250_000),
)


def make_table(curves: figures.Curves) -> str:
  """The table of medians, in Markdown."""
  heads = ('task', 'steps', *(x.name for x in _ALGORITHMS), 'SAC, published')
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  published = {
    (row['task'], int(row['frames'])): row
    for row in _read_published()
    if row['source'] == _SAME_CONDITIONS
  }
  for task, steps in _ROWS:
    cells = [
      results.format_point(
        results.at(curves, (look.agent, look.preset, task), steps)
      )
      for look in _ALGORITHMS
    ]
    row = published.get((task, steps))
    cells.append(
      f'{row["return"]} ({row["statistic"]} of {row["seeds"]} seeds)'
      if row
      else ''
    )
    lines.append(_line(task, f'{steps:,}', *cells))
  return '\n'.join(lines)


def make_held_out_table(curves: figures.Curves) -> str:
  """The table of tasks on which nothing was tuned, in Markdown."""
  return _make_medians(curves, _HELD_OUT, _ALGORITHMS[:2])


def make_readme_table(curves: figures.Curves) -> str:
  """The README's table: the last medians of each task, in Markdown."""
  return _make_medians(curves, _README_ROWS, _README_ALGORITHMS)


def _make_medians(
  curves: figures.Curves,
  rows: Sequence[tuple[str, int]],
  looks: Sequence[figures.Algorithm],
) -> str:
  heads = ('task', 'steps', *(look.name for look in looks))
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  for task, steps in rows:
    cells = [
      results.format_point(
        results.at(curves, (look.agent, look.preset, task), steps)
      )
      for look in looks
    ]
    lines.append(_line(task, f'{steps:,}', *cells))
  return '\n'.join(lines)


def read_runs() -> figures.Curves:
  """The curves in the committed tables behind the page."""
  paths = [_TABLES / f'{name}.csv' for name in _RUNS]
  return results.read([path for path in paths if path.exists()])


def make_figure1_table(curves: figures.Curves) -> str:
  """The table of figure 1's returns so far, in Markdown."""
  sweep = sweeps.read(_FIGURE1)
  looks = [
    figures.algorithm(*key)
    for key in dict.fromkeys(run.curve[:2] for run in sweep.runs)
  ]
  ends = {run.task: run.num_steps for run in sweep.runs}
  heads = ('task', 'steps', *(look.name for look in looks))
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  for task, end in ends.items():
    for steps in (_FIRST_STEPS, end):
      cells = [
        results.format_point(
          results.at(curves, (look.agent, look.preset, task), steps)
        )
        for look in looks
      ]
      lines.append(_line(task, f'{steps:,}', *cells))
  missing = sweeps.unfinished(sweep.runs, _TABLES / f'{sweep.table}.csv')
  num_done = len(sweep.runs) - len(missing)
  return '\n'.join(
    [*lines, '', f'Runs at their end: {num_done} of {len(sweep.runs)}.']
  )


def make_paper_table(curves: figures.Curves) -> str:
  """The table of returns with the learner steps behind them, in Markdown."""
  updates: dict[tuple[results.Curve, int], int] = {}
  with (_TABLES / 'bars.csv').open(newline='') as file:
    for row in csv.DictReader(file):
      curve = (row['agent'], row['preset'], row['task'])
      updates[curve, int(row['actor_steps'])] = int(row['learner_steps'])
  lines = [
    _line('task', 'environment steps', *_PAPER.values()),
    '|' + '---|' * (2 + len(_PAPER)),
  ]
  for task, steps in _PAPER_ROWS:
    cells = []
    for key in _PAPER:
      curve = (*key, task)
      cell = results.format_point(results.at(curves, curve, steps))
      if (curve, steps) in updates:
        cell += f', {updates[curve, steps]:,} updates'
      cells.append(cell)
    lines.append(_line(task, f'{steps:,}', *cells))
  return '\n'.join(lines)


def make_iqm_table(curves: figures.Curves) -> str:
  """The table of interquartile means, in Markdown.

  Its last rows cover all tasks that are read at the same step.
  """
  heads = ('tasks', 'steps', *(look.name for look in _ALGORITHMS))
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  groups = [((task,), steps) for task, steps in _ROWS]
  groups += [(_TASKS, 50_000), (_TASKS[:3], 100_000)]
  for tasks, steps in groups:
    cells = []
    for look in _ALGORITHMS:
      points = [
        results.at(curves, (look.agent, look.preset, task), steps)
        for task in tasks
      ]
      cells.append(_format_iqm(points))
    lines.append(_line(', '.join(tasks), f'{steps:,}', *cells))
  return '\n'.join(lines)


def _format_iqm(points: Sequence[results.Point | None]) -> str:
  """A cell: the interquartile mean, its interval if any, and runs."""
  known = [point for point in points if point is not None]
  if len(known) < len(points):
    return 'not run' if not known else 'not all run'
  scores = [np.array(point.returns) for point in known]
  num_runs = sum(map(len, scores))
  runs = f'({num_runs} runs)' if num_runs > 1 else '(1 run)'
  if min(map(len, scores)) < 2:
    return f'{bootstrap.interquartile_mean(scores):.0f} {runs}'
  found = bootstrap.interval(scores)
  return f'{found.estimate:.0f} [{found.low:.0f}, {found.high:.0f}] {runs}'


def make_published_table() -> str:
  """The table of published returns with their conditions, in Markdown."""
  rows = _read_published()
  tasks = sorted({row['task'] for row in rows})
  heads = ('method', 'frames', 'action repeat', 'seeds, statistic', *tasks)
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  found: dict[tuple[str, ...], dict[str, str]] = {}
  for row in rows:
    place = row['source'].removeprefix('https://github.com/')
    key = (
      f'{row["method"]}, [{place}]({row["source"]})',
      f'{int(row["frames"]):,}',
      row['action_repeat'],
      f'{row["seeds"]}, {row["statistic"]}',
    )
    found.setdefault(key, {})[row['task']] = row['return']
  for key, returns in found.items():
    lines.append(_line(*key, *(returns.get(task, '') for task in tasks)))
  return '\n'.join(lines)


def _read_published() -> list[dict[str, str]]:
  with _PUBLISHED.open(newline='') as file:
    return list(csv.DictReader(file))


def draw(curves: figures.Curves, path: pathlib.Path) -> None:
  """Draws the median over seeds, with the range, for every task."""
  figure = figure_lib.Figure(
    figsize=(2.8 * len(_TASKS), 3.2), layout='constrained'
  )
  for axes, task in zip(figure.subplots(1, len(_TASKS)), _TASKS, strict=True):
    for look in _ALGORITHMS:
      points = curves.get((look.agent, look.preset, task), ())
      figures.draw_median(axes, points, look)
    figures.style(axes, task)
    axes.set_xlabel('environment steps', fontsize=8)
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


def make_offline_table(curves: figures.Curves) -> str:
  """The table of learning from fixed data, in Markdown."""
  heads = [f'{steps:,} updates' for steps in _OFFLINE_STEPS]
  lines = [_line('', *heads), '|---|' + '---|' * len(_OFFLINE_STEPS)]
  for agent, name in _OFFLINE.items():
    curve = (agent, 'offline', 'walker-walk')
    cells = [
      results.format_point(results.at(curves, curve, steps))
      for steps in _OFFLINE_STEPS
    ]
    lines.append(_line(name, *cells))
  return '\n'.join(lines)


def make_modes_table(name: str) -> str:
  """The table of the modes in the state of figure 2, in Markdown."""
  data = policy_figure.PolicyInState.read(_TABLES / name / 'data.json')
  lines = [
    _line(
      'actions', 'mode at', 'mass', 'density falls on the way to the first'
    ),
    '|---|---|---|---|',
  ]
  for (first, second), grid, modes in data.modes_of_pairs():
    for mode, fall in zip(modes, modes_lib.falls(modes), strict=True):
      x = grid.points[first][mode.place[0]]
      y = grid.points[second][mode.place[1]]
      lines.append(
        _line(
          f'a{first + 1}, a{second + 1}',
          f'{x:.2f}, {y:.2f}',
          f'{mode.mass:.0%}',
          f'{math.exp(fall):.1f} times' if fall else '',
        )
      )
  facts = policy_figure.describe(data.about).replace('\n', '; ')
  return '\n'.join([*lines, '', f'{facts[0].upper()}{facts[1:]}.'])


def make_ablation_table(name: str) -> str:
  """The table of the variants of a sweep's first, in Markdown.

  A return is the mean over seeds. A difference is between runs of the same task
  and seed, after the last evaluation. Variants that the package can no longer
  make come last, and missing runs below.

  Args:
    name: of the sweep.
  """
  sweep = sweeps.read(_SWEEPS / f'{name}.json')
  gone_too = _TABLES / _DELETED.format(name)
  deleted = sweeps.read(gone_too).runs if gone_too.exists() else ()
  table = _TABLES / f'{sweep.table}.csv'
  returns = results.read_runs([table]) if table.exists() else {}
  variants: dict[str, list[sweeps.Run]] = {}
  for run in (*sweep.runs, *deleted):
    variants.setdefault(run.variant, []).append(run)
  gone = {run.variant for run in deleted}
  tasks = list(dict.fromkeys(run.task for run in sweep.runs))
  base = sweep.runs[0]
  heads = ('variant', 'change', *tasks, 'difference, median', 'mean')
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  missing = []
  for variant, runs in variants.items():
    if not any(run.seed in returns.get(run.curve, {}) for run in runs):
      missing.append(variant or base.preset)
      continue
    is_base = variant == base.variant
    changes = _changes(runs[0], () if is_base else base.flags)
    cells = [
      _format_evaluations([run for run in runs if run.task == task], returns)
      for task in tasks
    ]
    others = variants[base.variant]
    differences = [] if is_base else _differences(runs, others, returns)
    lines.append(
      _line(
        f'{variant} (deleted)' if variant in gone else variant or base.preset,
        ', '.join(f'`{name}={value}`' for name, value in changes.items()),
        *cells,
        *_format_differences(differences, len(runs)),
      )
    )
  if missing:
    lines += ['', f'Not run yet: {", ".join(missing)}.']
  return '\n'.join(lines)


def _changes(
  run: sweeps.Run, base: Sequence[tuple[str, str]]
) -> dict[str, str]:
  """The options of a run that differ from those of the base.

  An option that only the base sets has the preset's value.
  """
  preset = running.PRESETS[run.agent][run.preset]()
  options = {name: str(getattr(preset, name)) for name, _ in base}
  options.update(run.flags)
  return {
    name: value
    for name, value in options.items()
    if value != dict(base).get(name)
  }


def _format_evaluations(runs: Sequence[sweeps.Run], returns: _Returns) -> str:
  """A cell: the mean over seeds at each evaluation, '120 / 314'."""
  first = runs[0]
  means = []
  for steps in range(first.eval_every, first.num_steps + 1, first.eval_every):
    found = [_return_of(run, returns, steps) for run in runs]
    known = [x for x in found if x is not None]
    means.append(f'{statistics.mean(known):.0f}' if known else '-')
  return ' / '.join(means)


def _differences(
  runs: Sequence[sweeps.Run], defaults: Sequence[sweeps.Run], returns: _Returns
) -> list[float]:
  """Final return minus the default's, for each task and seed that has both."""
  found = []
  for run, default in zip(runs, defaults, strict=True):
    value = _return_of(run, returns, run.num_steps)
    other = _return_of(default, returns, default.num_steps)
    if value is not None and other is not None:
      found.append(value - other)
  return found


def _return_of(run: sweeps.Run, returns: _Returns, steps: int) -> float | None:
  return returns.get(run.curve, {}).get(run.seed, {}).get(steps)


def _format_differences(
  differences: Sequence[float], num_runs: int
) -> tuple[str, str]:
  """Two cells: median and mean, with the number of runs unless all."""
  if not differences:
    return '', ''
  known = len(differences)
  note = f' ({known} of {num_runs} runs)' if known < num_runs else ''
  median, mean = statistics.median(differences), statistics.mean(differences)
  return f'{median:+.0f}{note}', f'{mean:+.0f}'


def _line(*cells: str) -> str:
  return f'| {" | ".join(cells)} |'


def put(text: str, tables: Mapping[str, str]) -> str:
  """Puts tables into the text of a document, each between its marks."""
  for name, table in tables.items():
    begin, end = _BEGIN.format(name), _END.format(name)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
      raise ValueError(f'The document lacks the marks {begin} and {end}.')
    text = f'{before}{begin}\n{table}\n{end}{after}'
  return text


def main(argv: list[str]) -> None:
  """Remakes the tables and the picture."""
  scripts.begin(argv)
  try:
    readme, document, ablations, picture = scripts.place_outputs(
      _OUTPUT.value, _ROOT, _README, _DOCUMENT, _ABLATIONS, _PICTURE
    )
  except ValueError as error:
    sys.exit(f'error: {error}')
  curves = read_runs()
  offline = results.read([_TABLES / 'offline.csv'], 'learner_steps')
  tables = {
    'bars': make_table(curves),
    'iqm': make_iqm_table(curves),
    'held-out': make_held_out_table(curves),
    'figure1': make_figure1_table(curves),
    'paper': make_paper_table(curves),
    'published': make_published_table(),
    'offline': make_offline_table(offline),
    'figure2': make_modes_table('figure2'),
    'figure2_default': make_modes_table('figure2_default'),
  }
  document.write_text(put(_DOCUMENT.read_text(), tables))
  tables = {
    'ablations': make_ablation_table('ablations'),
    'direct': make_ablation_table('direct_ablations'),
  }
  ablations.write_text(put(_ABLATIONS.read_text(), tables))
  tables = {'readme': make_readme_table(curves)}
  readme.write_text(put(_README.read_text(), tables))
  draw(curves, picture)


if __name__ == '__main__':
  scripts.run(main)
