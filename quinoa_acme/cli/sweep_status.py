"""The progress of a sweep, and how long the rest of it will take."""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import itertools
import pathlib
import statistics
from typing import Any

from quinoa_acme.environments import action_repeat
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweep_runner
from quinoa_acme.runs.sweeps import sweeps
from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import progress
from quinoa_acme.utils import systems

DONE, UNDER_WAY, CUT, TO_COME = 'done', 'under way', 'cut', 'to come'


@dataclasses.dataclass(frozen=True)
class RunStatus:
  """The progress of one run.

  Attributes:
    run: the run.
    state: `DONE`; `UNDER_WAY`, in any process; `CUT`, begun and left; or
      `TO_COME`.
    steps: environment steps at its last evaluation.
    seconds_per_step: its speed, with evaluations if it was made here, without
      if only the table tells it, or None if unknown.
  """

  run: sweeps.Run
  state: str
  steps: int
  seconds_per_step: float | None


def look(
  runs: Sequence[sweeps.Run], folder: pathlib.Path, table: pathlib.Path
) -> list[RunStatus]:
  """Finds the progress of a sweep's runs; writes nothing.

  Args:
    runs: the runs.
    folder: the folder of their folders.
    table: the CSV file of their results. Neither need exist.

  Returns:
    The status of each, in order.
  """
  left = sweeps.unfinished(runs, table, folder)
  speeds = results.read_speeds(table) if table.exists() else {}
  return [
    _look(
      run,
      folder / run.label,
      run not in left,
      speeds.get((run.curve, run.seed)),
    )
    for run in runs
  ]


def _look(
  run: sweeps.Run,
  workdir: pathlib.Path,
  done: bool,
  seconds_in_table: float | None,
) -> RunStatus:
  steps = sweeps.steps_made(run, workdir)
  if done:
    state = DONE
    # One that was made elsewhere has no folder.
    steps = max(steps, run.num_steps)
  elif _is_held(workdir):
    state = UNDER_WAY
  else:
    state = CUT if steps or (workdir / 'config.json').exists() else TO_COME
  speed = _seconds_per_step(workdir)
  return RunStatus(
    run, state, steps, seconds_in_table if speed is None else speed
  )


def _seconds_per_step(workdir: pathlib.Path) -> float | None:
  """The median over the intervals between evaluations.

  So a night in which a run was suspended does not count as slow work.
  """
  path = workdir / 'logs' / 'evaluator.csv'
  rows = loggers.read_rows(path) if path.exists() else []
  speeds = [
    (after[loggers.WALL_CLOCK] - before[loggers.WALL_CLOCK]) / steps
    for before, after in itertools.pairwise(rows)
    if loggers.WALL_CLOCK in before and loggers.WALL_CLOCK in after
    for steps in [after['actor_steps'] - before['actor_steps']]
    if steps > 0
  ]
  return statistics.median(speeds) if speeds else None


def _is_held(workdir: pathlib.Path) -> bool:
  """Whether a process of a sweep is making the run in a folder."""
  try:
    with systems.folder_locked(workdir, shared=True):
      return False
  except FileNotFoundError:
    return False
  except BlockingIOError:
    return True


def seconds_left(statuses: Sequence[RunStatus], num_cores: int) -> float | None:
  """How long the rest will take, at the speeds so far.

  Args:
    statuses: the result of `look`.
    num_cores: number of simultaneous runs.

  Returns:
    Seconds, or None if no speed is known yet.
  """
  made = [
    sweep_runner.Work(x.run.curve, x.steps, x.steps * x.seconds_per_step)
    for x in statuses
    if x.seconds_per_step is not None
  ]
  left = [
    sweep_runner.Work(x.run.curve, x.run.num_steps - x.steps)
    for x in statuses
    if x.state != DONE
  ]
  return sweep_runner.seconds_left(made, left, num_cores)


def describe(statuses: Sequence[RunStatus], num_cores: int) -> Iterator[str]:
  """Describes the total, then the runs that have begun, then the others.

  Args:
    statuses: the result of `look`.
    num_cores: number of simultaneous runs.

  Yields:
    Lines.
  """
  counts = {
    state: sum(x.state == state for x in statuses)
    for state in (DONE, UNDER_WAY, CUT, TO_COME)
  }
  yield (
    f'{counts[DONE]} of {len(statuses)} runs are done, '
    f'{counts[UNDER_WAY]} under way, {counts[CUT]} cut, '
    f'{counts[TO_COME]} to come.'
  )
  if counts[DONE] < len(statuses):
    cores = f'{num_cores} core{"s" if num_cores > 1 else ""}'
    seconds = seconds_left(statuses, num_cores)
    if seconds is None:
      yield 'Their duration is known after two evaluations of one of them.'
    else:
      yield (
        f'About {progress.format_seconds(seconds)} left on {cores}, at the '
        'speed so far.'
      )
  for x in statuses:
    if x.state in (UNDER_WAY, CUT):
      end = action_repeat.describe_steps(x.run.num_steps, x.run.action_repeat)
      yield f'  {x.state}: {x.run.label}, {x.steps:,} of {end}'
  for curve, seeds in _seeds_to_come(statuses).items():
    yield f'  to come: {" ".join(curve)}, seeds {", ".join(map(str, seeds))}'


def _seeds_to_come(statuses: Sequence[RunStatus]) -> Mapping[Any, list[int]]:
  """The seeds of each curve whose runs have not begun."""
  found: dict[Any, list[int]] = {}
  for x in statuses:
    if x.state == TO_COME:
      found.setdefault(x.run.curve, []).append(x.run.seed)
  return found
