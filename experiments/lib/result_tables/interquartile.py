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

  Its last rows cover all tasks that are read at the same step, and then all at
  the last step that each is read at, which decides on the default preset.
  """
  lines = markdown.head(
    'tasks', 'steps', *(look.name for look in looks.ALGORITHMS)
  )
  groups = [{task: steps} for task, steps in looks.ROWS]
  groups.append(dict.fromkeys(looks.TASKS, 50_000))
  groups.append(dict.fromkeys(looks.TASKS[:3], 100_000))
  # Later rows of a task are of later steps.
  groups.append(dict(looks.ROWS))
  for group in groups:
    cells = []
    for look in looks.ALGORITHMS:
      points = [
        results.at(curves, (look.agent, look.preset, task), steps)
        for task, steps in group.items()
      ]
      cells.append(format_points(points))
    told = [results.format_steps(*row) for row in group.items()]
    # One number where it is the same for all.
    told = told[:1] if len(set(told)) == 1 else told
    lines.append(markdown.line(', '.join(group), '; '.join(told), *cells))
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
