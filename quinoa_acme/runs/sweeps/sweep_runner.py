"""Runs a sweep, one run per core at a time, and reports its progress."""

from collections.abc import Iterable, Sequence
import contextlib
import dataclasses
import pathlib
import signal
import subprocess
import sys
import time

from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps
from quinoa_acme.runs.watching import progress
from quinoa_acme.utils import systems
from quinoa_acme.utils import timers

_POLL_SECONDS = 1.0
_SECONDS_BETWEEN_REPORTS = 600.0


@dataclasses.dataclass(frozen=True)
class Work:
  """Steps that were made, or are left to make.

  Attributes:
    curve: agent, preset and task of the run.
    steps: environment steps.
    seconds: their duration, with evaluations and start; 0 if yet to come.
  """

  curve: results.Curve
  steps: int
  seconds: float = 0.0


def seconds_left(
  made: Iterable[Work], left: Sequence[Work], num_cores: int
) -> float | None:
  """Estimates how long the rest of a sweep will take, at past speeds.

  If a curve's speed is not known yet, the overall speed is used.

  Args:
    made: the finished work, run by run.
    left: the remaining work of each run.
    num_cores: number of simultaneous runs.

  Returns:
    Seconds, or None if no speed is known yet.
  """
  spent: dict[results.Curve | None, tuple[int, float]] = {}
  for work in made:
    for key in (work.curve, None):
      steps, seconds = spent.get(key, (0, 0.0))
      spent[key] = (steps + work.steps, seconds + work.seconds)
  known = {key: sum_ for key, sum_ in spent.items() if sum_[0]}
  if None not in known:
    return None
  needed = []
  for work in left:
    steps, seconds = known.get(work.curve, known[None])
    needed.append(work.steps * seconds / steps)
  # A run uses one core, however many there are.
  return max([sum(needed) / num_cores, *needed], default=0.0)


@dataclasses.dataclass
class _Active:
  """A run in progress."""

  run: sweeps.Run
  process: subprocess.Popen
  started: float
  steps_before: int


def execute(
  runs: Sequence[sweeps.Run],
  folder: pathlib.Path,
  table: pathlib.Path,
  cores: Sequence[int],
) -> list[str]:
  """Makes all unfinished runs, one per core at a time.

  After a SIGINT or SIGTERM the active runs save their state; the same call
  resumes them later. If the caller is killed they continue by themselves, and
  the same call waits for them. The table is written whenever a run ends.

  Args:
    runs: the runs, made in this order.
    folder: the folder of the runs' folders.
    table: the CSV file for the results.
    cores: numbers of the processor cores to use.

  Returns:
    The labels of the runs that failed.

  Raises:
    ValueError: before any run, if a table exists with other columns.
  """
  sweeps.collect(runs, folder, table)
  runner = _Runner(runs, folder, table, cores)
  previous = {
    number: signal.signal(number, runner.stop)
    for number in (signal.SIGINT, signal.SIGTERM)
  }
  try:
    return runner.run()
  finally:
    for number, handler in previous.items():
      signal.signal(number, handler)
    sweeps.collect(runs, folder, table)


class _Runner:
  """A sweep in progress."""

  def __init__(
    self,
    runs: Sequence[sweeps.Run],
    folder: pathlib.Path,
    table: pathlib.Path,
    cores: Sequence[int],
  ):
    self._runs = runs
    self._folder = folder
    self._table = table
    self._cores = cores
    self._waiting = sweeps.unfinished(runs, table, folder)
    self._active: dict[int, _Active] = {}
    self._made: list[Work] = []
    self._failed: list[str] = []
    # Labels of the runs that another process was seen to make.
    self._elsewhere: set[str] = set()
    self._stopping = False

  def stop(self, number, frame) -> None:
    """Handles a signal: tells the active runs to stop."""
    del number, frame
    self._stopping = True
    for active in self._active.values():
      active.process.send_signal(signal.SIGTERM)

  def run(self) -> list[str]:
    """Makes the runs; returns the labels of those that failed."""
    print(self._describe(), flush=True)
    until_report = timers.Timer(_SECONDS_BETWEEN_REPORTS)
    while self._active or (self._waiting and not self._stopping):
      for core in self._cores:
        if core not in self._active:
          self._start_next(core)
      time.sleep(_POLL_SECONDS)
      for core, active in list(self._active.items()):
        if active.process.poll() is not None:
          del self._active[core]
          self._end(active)
      if until_report.is_over():
        print(self._describe(), flush=True)
        until_report.restart()
    return self._failed

  def _start_next(self, core: int) -> None:
    """Starts the next run that no other process makes, on a free core."""
    for run in list(self._waiting):
      if self._stopping:
        return
      workdir = self._folder / run.label
      workdir.mkdir(parents=True, exist_ok=True)
      with contextlib.ExitStack() as stack:
        try:
          lock = stack.enter_context(systems.folder_locked(workdir))
        except BlockingIOError:
          self._tell_of(run)
          continue
        self._waiting.remove(run)
        if run.label in self._elsewhere and self._is_done(run):
          sweeps.collect(self._runs, self._folder, self._table)
          print(self._describe(), flush=True)
          continue
        before = self._steps_made(run)
        process = _start(run, workdir, core, lock)
        self._active[core] = _Active(run, process, time.monotonic(), before)
        print(f'core {core}: {run.label}', flush=True)
        return

  def _tell_of(self, run: sweeps.Run) -> None:
    """Says once that a run is in progress elsewhere."""
    if run.label not in self._elsewhere:
      self._elsewhere.add(run.label)
      print(
        f'{run.label} is running in another process, perhaps from a suite that '
        'was killed: waiting for it.',
        flush=True,
      )

  def _is_done(self, run: sweeps.Run) -> bool:
    return not sweeps.unfinished([run], self._table, self._folder)

  def _end(self, active: _Active) -> None:
    """Collects the results of a run that has ended."""
    sweeps.collect(self._runs, self._folder, self._table)
    self._made.append(self._work_of(active))
    status = active.process.returncode
    if status:
      self._failed.append(active.run.label)
      # The operating system ended it; it could not report.
      how = f'status {status}' if status > 0 else signal.Signals(-status).name
      output = self._folder / active.run.label / 'output.txt'
      print(
        f'FAILED by {how}: {active.run.label}; see {output}',
        file=sys.stderr,
        flush=True,
      )
    print(self._describe(), flush=True)

  def _work_of(self, active: _Active) -> Work:
    steps = self._steps_made(active.run) - active.steps_before
    return Work(active.run.curve, steps, time.monotonic() - active.started)

  def _steps_made(self, run: sweeps.Run) -> int:
    return sweeps.steps_made(run, self._folder / run.label)

  def _describe(self) -> str:
    """How many runs are done, and how long the others will take."""
    unfinished = sweeps.unfinished(self._runs, self._table, self._folder)
    text = f'{len(self._runs) - len(unfinished)} of {len(self._runs)} runs are'
    text += ' done'
    left = [
      Work(run.curve, run.num_steps - self._steps_made(run))
      for run in unfinished
      if run.label not in self._failed
    ]
    made = [*self._made, *map(self._work_of, self._active.values())]
    seconds = seconds_left(made, left, len(self._cores))
    if left and seconds is not None:
      text += f', about {progress.format_seconds(seconds)} left'
    return f'{text}.'


def _start(
  run: sweeps.Run, workdir: pathlib.Path, core: int, lock: int | None
) -> subprocess.Popen:
  """Starts a run, which holds its folder from then on."""
  with (workdir / 'output.txt').open('a') as output:
    process = subprocess.Popen(
      run.command(workdir),
      stdout=output,
      stderr=subprocess.STDOUT,
      # The run inherits the lock, so it holds it even if the sweep is killed.
      pass_fds=[] if lock is None else [lock],
      # A terminal's Ctrl-C must not reach it twice.
      start_new_session=True,
    )
  systems.keep_to_core(process.pid, core)
  return process
