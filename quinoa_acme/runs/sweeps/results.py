"""Tables of results: writing, reading and summarising them.

A table is a CSV file with the columns `COLUMNS`, one row per evaluation;
experiments/README.md describes each column. If a run in it repeats actions, it
has the columns `REPEAT_COLUMNS` too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import contextlib
import csv
import dataclasses
import os
import pathlib
import statistics
from typing import Any

from quinoa_acme.utils import systems

# The columns of a table; see experiments/README.md.
COLUMNS: tuple[str, ...] = (
  'agent',
  'preset',
  'task',
  'seed',
  'actor_steps',
  'learner_steps',
  'wall_clock',
  'return',
  'evaluation',
  'version',
  'commit',
)

# Further columns of a table with runs that repeat actions.
REPEAT_COLUMNS: tuple[str, ...] = ('action_repeat', 'actor_frames')

# The identity of a curve, whatever its seed: agent, preset, and task as by
# `name_task`.
Curve = tuple[str, str, str]

_REPEATED = ', action repeat '

# The returns of one run, by step.
RunReturns = Mapping[int, float]


@dataclasses.dataclass(frozen=True)
class Point:
  """The returns of several seeds after the same number of steps.

  Attributes:
    steps: environment steps, or SGD steps if the data are fixed.
    returns: one mean return per seed, in the order of the seeds.
  """

  steps: int
  returns: tuple[float, ...]

  @property
  def median(self) -> float:
    """The median over seeds."""
    return statistics.median(self.returns)


def name_task(task: str, action_repeat: int) -> str:
  """The name of a task, with the action repeat if it is not 1.

  Examples:
    >>> name_task('walker-walk', 1)
    'walker-walk'
    >>> name_task('walker-walk', 2)
    'walker-walk, action repeat 2'
  """
  return task if action_repeat == 1 else f'{task}{_REPEATED}{action_repeat}'


def repeat_of(task: str) -> int:
  """The action repeat in a name of `name_task`."""
  return int(task.partition(_REPEATED)[2] or 1)


def format_steps(task: str, steps: int) -> str:
  """A cell of a table: environment steps, with their frames if more.

  Args:
    task: its name as by `name_task`.
    steps: environment steps.

  Returns:
    E.g. '50,000', or '50,000 (100,000 frames)'.
  """
  repeat = repeat_of(task)
  frames = f' ({steps * repeat:,} frames)' if repeat > 1 else ''
  return f'{steps:,}{frames}'


def curve_of(row: Mapping[str, Any]) -> Curve:
  """The curve of a row; one without an action repeat has 1."""
  repeat = int(row.get('action_repeat', 1))
  return row['agent'], row['preset'], name_task(row['task'], repeat)


def read_runs(
  paths: Iterable[str | os.PathLike[str]], steps_column: str = 'actor_steps'
) -> dict[Curve, dict[int, RunReturns]]:
  """Reads tables, run by run.

  Args:
    paths: CSV files with the columns `COLUMNS`. If two have the same run and
      steps, the later one counts.
    steps_column: 'actor_steps', or 'learner_steps' if the data are fixed.

  Returns:
    For each agent, preset and task, and each seed, the returns by step.

  Raises:
    ValueError: if a file has other columns.
  """
  found: dict[Curve, dict[int, dict[int, float]]] = {}
  for path in paths:
    for row in _read_rows(pathlib.Path(path)):
      seeds = found.setdefault(curve_of(row), {})
      returns = seeds.setdefault(int(row['seed']), {})
      returns[int(row[steps_column])] = float(row['return'])
  return {
    curve: {
      seed: dict(sorted(returns.items()))
      for seed, returns in sorted(seeds.items())
    }
    for curve, seeds in found.items()
  }


def read_speeds(
  table: str | os.PathLike[str],
) -> dict[tuple[Curve, int], float]:
  """How fast the runs in a table were.

  Args:
    table: a CSV file with the columns `COLUMNS`.

  Returns:
    For each curve and seed, the seconds of an environment step, without
    evaluations; runs that took no steps, or no time, are left out.

  Raises:
    ValueError: if the file has other columns.
  """
  return {
    (curve_of(row), int(row['seed'])): float(row['wall_clock'])
    / int(row['actor_steps'])
    # A run's rows are in order of steps, so the last one counts.
    for row in _read_rows(pathlib.Path(table))
    if int(row['actor_steps']) and float(row['wall_clock'])
  }


def read(
  paths: Iterable[str | os.PathLike[str]], steps_column: str = 'actor_steps'
) -> dict[Curve, list[Point]]:
  """Reads tables, with the seeds of a curve together.

  Args:
    paths: as for `read_runs`.
    steps_column: as for `read_runs`.

  Returns:
    For each agent, preset and task, the points of its curve, by step. Later
    points lack the seeds that have not come so far.

  Raises:
    ValueError: if a file has other columns.
  """
  return {
    curve: _points(list(seeds.values()))
    for curve, seeds in read_runs(paths, steps_column).items()
  }


def _points(runs: Sequence[RunReturns]) -> list[Point]:
  all_steps = sorted({steps for returns in runs for steps in returns})
  return [
    Point(steps, tuple(returns[steps] for returns in runs if steps in returns))
    for steps in all_steps
  ]


def at(
  curves: Mapping[Curve, Sequence[Point]], curve: Curve, steps: int
) -> Point | None:
  """The point of a curve at a step, or None if there is none."""
  for point in curves.get(curve, ()):
    if point.steps == steps:
      return point
  return None


def format_point(point: Point | None) -> str:
  """A cell of a table: the median, with the range if there are several seeds.

  Args:
    point: the point, or None if nothing was measured.

  Returns:
    E.g. '812 (790 to 901, 3 seeds)'.
  """
  if point is None:
    return 'not run'
  if len(point.returns) == 1:
    return f'{point.median:.0f} (1 seed)'
  low, high = min(point.returns), max(point.returns)
  return (
    f'{point.median:.0f} ({low:.0f} to {high:.0f}, {len(point.returns)} seeds)'
  )


def update_table(
  table: pathlib.Path,
  rows: Sequence[Mapping[str, Any]],
  columns: Sequence[str] = COLUMNS,
) -> None:
  """Puts rows into a table; they replace those of the same runs.

  It keeps rows of other runs, such as runs on another machine. It also keeps a
  run's rows if the table already has more of its steps, as when a finished run
  is begun again elsewhere. Several processes may do this at once.

  A table in which no run repeats actions is written without `REPEAT_COLUMNS`.

  Args:
    table: the CSV file, made if missing.
    rows: rows with the columns, and with `REPEAT_COLUMNS` if the run repeats
      actions.
    columns: the table's columns, including those that identify a run and its
      steps.
  """
  table.parent.mkdir(parents=True, exist_ok=True)
  with _locked(table.parent):
    known = _read_rows(table, columns) if table.exists() else ()
    found = _by_run(known)
    for run, made in _by_run(rows).items():
      if run not in found or _place(made[-1]) >= _place(found[run][-1]):
        found[run] = made
    _write_rows(
      table, [row for run in sorted(found) for row in found[run]], columns
    )


# Agent, preset, task, action repeat and seed.
_RunKey = tuple[str, str, str, int, int]


def _by_run(
  rows: Iterable[Mapping[str, Any]],
) -> dict[_RunKey, list[dict[str, Any]]]:
  """The rows of each run, by step, with their action repeat and frames."""
  runs: dict[_RunKey, list[dict[str, Any]]] = {}
  for row in rows:
    repeat = int(row.get('action_repeat', 1))
    frames = int(row['actor_steps']) * repeat
    run = (row['agent'], row['preset'], row['task'], repeat, int(row['seed']))
    runs.setdefault(run, []).append(
      {**row, 'action_repeat': repeat, 'actor_frames': frames}
    )
  return {run: sorted(made, key=_place) for run, made in runs.items()}


def _write_rows(
  table: pathlib.Path,
  rows: Sequence[Mapping[str, Any]],
  columns: Sequence[str],
) -> None:
  """Writes a table, all of it or nothing."""
  if any(row['action_repeat'] != 1 for row in rows):
    columns = (*columns, *REPEAT_COLUMNS)
  else:
    rows = [
      {key: x for key, x in row.items() if key not in REPEAT_COLUMNS}
      for row in rows
    ]
  aside = table.with_suffix('.tmp')
  with aside.open('w', newline='') as file:
    writer = csv.DictWriter(file, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
  os.replace(aside, table)


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
  return int(row['actor_steps']), int(row['learner_steps'])


def _read_rows(
  table: pathlib.Path, columns: Sequence[str] = COLUMNS
) -> list[dict[str, str]]:
  with table.open(newline='') as file:
    reader = csv.DictReader(file)
    found = tuple(reader.fieldnames or ())
    if found not in (tuple(columns), (*columns, *REPEAT_COLUMNS)):
      raise ValueError(
        f'{table} is not a table of results: its columns are '
        f'{reader.fieldnames}, not {list(columns)}.'
      )
    return list(reader)


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
  """Waits until no other process holds the folder, then holds it."""
  with systems.folder_locked(folder, wait=True):
    yield
