"""The tables of docs/scaling.md."""

from collections.abc import Mapping, Sequence
import math
import pathlib

from experiments.lib import markdown
from experiments.lib.scaling import speed_model

_Rows = Sequence[Mapping[str, str]]

# Numbers of actors for which to calculate speeds.
_CALCULATED = (1, 2, 4, 8, 16, 32, 64)
_BEGIN, _END = '<!-- made by measure_scaling.py -->', '<!-- end -->'


def read(page: pathlib.Path) -> tuple[str, str]:
  """Reads what is before and after the tables.

  Args:
    page: the page.

  Returns:
    Both, including the marks.

  Raises:
    ValueError: if the page lacks a mark.
  """
  parts = markdown.split(page.read_text(), _BEGIN, _END)
  if parts is None:
    raise ValueError(f'{page} must have the marks {_BEGIN} and {_END}.')
  before, after = parts
  return f'{before}{_BEGIN}\n', f'\n{_END}{after}'


def make_tables(rows: _Rows) -> str:
  """Both tables in Markdown: what was measured, and what was calculated."""
  return f'{make_table(rows)}\n\n{make_calculation(rows)}'


def make_table(rows: _Rows) -> str:
  """The rows as a table in Markdown.

  Args:
    rows: of the file.

  Returns:
    The table, and a sentence on the machine below it.
  """
  lines = markdown.head(
    'pace',
    'actors',
    'steps/s',
    'updates/s',
    'samples/s',
    'processors: actors',
    'learner',
    'counter',
    'ms a step',
    'ms an update',
    'MiB: an actor',
    'learner',
  )
  lines.extend(_table_line(row) for row in rows)
  about = rows[0]
  return '\n'.join(
    [
      *lines,
      '',
      f'{about["env_name"]}, default preset, {float(about["seconds"]):.0f} s '
      f'each; {about["cores"]} cores of {about["processor"]}; version '
      f'{about["version"]}, commit {about["commit"]}.',
    ]
  )


def _table_line(row: Mapping[str, str]) -> str:
  def number(name: str) -> float:
    return float(row[name])

  def milliseconds(role: str, rate: str) -> str:
    used, done = number(f'{role}_processors'), number(rate)
    return f'{1000 * used / done:.2f}' if done else ''

  return markdown.line(
    row['pace'],
    row['actors'],
    f'{number("steps_per_second"):.0f}',
    f'{number("updates_per_second"):.0f}',
    f'{number("samples_per_second"):,.0f}',
    *(
      f'{number(f"{role}_processors"):.2f}'
      for role in ('actor', 'learner', 'counter')
    ),
    milliseconds('actor', 'steps_per_second'),
    milliseconds('learner', 'updates_per_second'),
    f'{number("actor_mebibytes") / number("actors"):.0f}',
    f'{number("learner_mebibytes"):.0f}',
  )


def make_calculation(rows: _Rows) -> str:
  """Predictions from the run with the fewest actors, next to measurements.

  Args:
    rows: of the file.

  Returns:
    A table in Markdown.
  """
  limited = [row for row in rows if row['pace'] == 'limited']
  costs = speed_model.read_costs(
    min(limited, key=lambda row: int(row['actors']))
  )
  cores = int(rows[0]['cores'])
  measured = {
    int(row['actors']): f'{float(row["steps_per_second"]):.0f}'
    for row in limited
  }
  lines = markdown.head(
    'actors',
    f'measured, {cores} cores',
    f'calculated, {cores} cores',
    'calculated, a core for each node',
  )
  for actors in sorted({*measured, *_CALCULATED}):
    lines.append(
      markdown.line(
        str(actors),
        measured.get(actors, ''),
        f'{speed_model.calculate(costs, actors, cores):.0f}',
        f'{speed_model.calculate(costs, actors, math.inf):.0f}',
      )
    )
  return '\n'.join([*lines, '', _describe(costs)])


def _describe(costs: speed_model.Costs) -> str:
  """The costs that the calculation is of."""
  updates = 1 / (costs.updates * costs.updating)
  return (
    f'From c_a = {1000 * costs.actor:.2f} ms, '
    f'c_l = {1000 * costs.learner:.2f} ms, '
    f'c_t = {1000 * costs.updating:.2f} ms, u = {costs.updates:.2f}: an '
    f'actor could make {1 / costs.actor:.0f} steps a second, and the learner '
    f'keeps up with {updates:.0f}.'
  )
