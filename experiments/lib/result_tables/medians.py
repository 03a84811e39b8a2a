"""Tables of medians over seeds, in Markdown."""

from collections.abc import Sequence

from experiments.lib import csv_files
from experiments.lib import figures
from experiments.lib import markdown
from experiments.lib import places
from experiments.lib.result_tables import looks
from experiments.lib.result_tables import published
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps

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
# The README shows the end of each task, next to SAC of equal width.
_README_ROWS = tuple(
  {task: (task, steps) for task, steps in looks.ROWS}.values()
)
_README_ALGORITHMS = (*looks.ALGORITHMS[:2], looks.ALGORITHMS[3])
# Tasks on which nothing was tuned, and the steps at which they are read.
_HELD_OUT = (
  ('finger-spin', 100_000),
  ('reacher-hard', 100_000),
  ('ball_in_cup-catch', 100_000),
  ('quadruped-walk', 250_000),
)


def make_table(curves: figures.Curves) -> str:
  """The table of all algorithms, beside a published one."""
  heads = (look.name for look in looks.ALGORITHMS)
  lines = markdown.head('task', 'steps', *heads, 'SAC, published')
  known = published.read_comparable()
  for task, steps in looks.ROWS:
    cells = _cells(curves, looks.ALGORITHMS, task, steps)
    row = known.get((task, steps))
    cells.append(
      f'{row["return"]} ({row["statistic"]} of {row["seeds"]} seeds)'
      if row
      else ''
    )
    lines.append(markdown.line(task, results.format_steps(task, steps), *cells))
  return '\n'.join(lines)


def make_held_out_table(curves: figures.Curves) -> str:
  """The table of tasks on which nothing was tuned."""
  return '\n'.join(_make_lines(curves, _HELD_OUT, looks.ALGORITHMS[:2]))


def make_readme_table(curves: figures.Curves) -> str:
  """The README's table: the last medians of each task."""
  return '\n'.join(_make_lines(curves, _README_ROWS, _README_ALGORITHMS))


def make_figure1_table(curves: figures.Curves) -> str:
  """The table of figure 1's returns so far."""
  sweep = sweeps.read(places.SWEEPS / 'figure1.json')
  algorithms = [
    figures.algorithm(*key)
    for key in dict.fromkeys(run.curve[:2] for run in sweep.runs)
  ]
  ends = {run.task: run.num_steps for run in sweep.runs}
  rows = [
    (task, steps) for task, end in ends.items() for steps in (_FIRST_STEPS, end)
  ]
  lines = _make_lines(curves, rows, algorithms)
  missing = sweeps.unfinished(sweep.runs, places.RESULTS / f'{sweep.table}.csv')
  num_done = len(sweep.runs) - len(missing)
  return '\n'.join(
    [*lines, '', f'Runs at their end: {num_done} of {len(sweep.runs)}.']
  )


def _make_lines(
  curves: figures.Curves,
  rows: Sequence[tuple[str, int]],
  algorithms: Sequence[figures.Algorithm],
) -> list[str]:
  """The lines of a table: a row for each task and number of steps."""
  lines = markdown.head('task', 'steps', *(look.name for look in algorithms))
  for task, steps in rows:
    cells = _cells(curves, algorithms, task, steps)
    lines.append(markdown.line(task, results.format_steps(task, steps), *cells))
  return lines


def _cells(
  curves: figures.Curves,
  algorithms: Sequence[figures.Algorithm],
  task: str,
  steps: int,
) -> list[str]:
  return [
    results.format_point(
      results.at(curves, (look.agent, look.preset, task), steps)
    )
    for look in algorithms
  ]


def make_paper_table(curves: figures.Curves) -> str:
  """The table of returns with the learner steps behind them."""
  updates: dict[tuple[results.Curve, int], int] = {}
  for row in csv_files.read(places.RESULTS / 'bars.csv'):
    curve = results.curve_of(row)
    updates[curve, int(row['actor_steps'])] = int(row['learner_steps'])
  lines = markdown.head('task', 'environment steps', *_PAPER.values())
  for task, steps in _PAPER_ROWS:
    cells = []
    for key in _PAPER:
      curve = (*key, task)
      cell = results.format_point(results.at(curves, curve, steps))
      if (curve, steps) in updates:
        cell += f', {updates[curve, steps]:,} updates'
      cells.append(cell)
    lines.append(markdown.line(task, results.format_steps(task, steps), *cells))
  return '\n'.join(lines)


def make_offline_table(curves: figures.Curves) -> str:
  """The table of learning from fixed data.

  Args:
    curves: by learner steps.
  """
  lines = markdown.head('', *(f'{steps:,} updates' for steps in _OFFLINE_STEPS))
  for agent, name in _OFFLINE.items():
    curve = (agent, 'offline', 'walker-walk')
    cells = [
      results.format_point(results.at(curves, curve, steps))
      for steps in _OFFLINE_STEPS
    ]
    lines.append(markdown.line(name, *cells))
  return '\n'.join(lines)
