"""The table of interquartile means with their bootstrap intervals."""

from collections.abc import Sequence

import numpy as np

from experiments.lib import bootstrap
from experiments.lib import figures
from experiments.lib import markdown
from experiments.lib.result_tables import looks
from quinoa_acme.runs.sweeps import results


def make_table(curves: figures.Curves) -> str:
  """The table in Markdown.

  Its last rows cover all tasks that are read at the same step.
  """
  lines = markdown.head(
    'tasks', 'steps', *(look.name for look in looks.ALGORITHMS)
  )
  groups = [((task,), steps) for task, steps in looks.ROWS]
  groups += [(looks.TASKS, 50_000), (looks.TASKS[:3], 100_000)]
  for tasks, steps in groups:
    cells = []
    for look in looks.ALGORITHMS:
      points = [
        results.at(curves, (look.agent, look.preset, task), steps)
        for task in tasks
      ]
      cells.append(format_points(points))
    told = dict.fromkeys(results.format_steps(task, steps) for task in tasks)
    lines.append(markdown.line(', '.join(tasks), ' or '.join(told), *cells))
  return '\n'.join(lines)


def format_points(points: Sequence[results.Point | None]) -> str:
  """A cell: the interquartile mean, its interval if any, and runs.

  Args:
    points: one per task, of one algorithm; None where it was not run.

  Returns:
    The text, such as '104 [93, 115] (6 runs)'.
  """
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
