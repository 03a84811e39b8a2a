"""Loggers: CSV files that lose no key, TensorBoard, and plain lines.

Acme's own CSV logger fixes its columns at the first row and drops every key
that comes later. But a learner's losses and an evaluation's metrics change as a
program grows, so the loggers here keep whatever they are given. None of them
imports TensorFlow.
"""

from collections.abc import Iterable, Mapping, Sequence
import contextlib
import csv
import io
import math
import os
import pathlib
import time
from typing import Any, IO

import numpy as np
import tensorboardX

from quinoa_acme.runs.watching import csv_rows
from quinoa_acme.utils import core
from quinoa_acme.utils import files
from quinoa_acme.utils import timers

Scalar = int | float
PathLike = str | os.PathLike[str]

# Time at which a row was submitted, in seconds since the epoch.
WALL_CLOCK = 'wall_clock'
_STEPS = 'actor_steps'
# Frames of the environment, over all actors, where they are not the steps.
FRAMES = 'actor_frames'
# The folder, next to the logs, for rows of steps that a run has repeated.
UNDONE = 'undone'

_TENSORBOARD_FLUSH_SECONDS = 10


class CSVLogger(core.Logger):
  """Appends rows to a CSV file whose columns grow with its keys.

  The columns are the keys in order of first appearance. A row without one of
  them has an empty cell there. On a row with a new key, the logger writes the
  file anew under another name, with the longer header, and renames it.

  Every row is flushed, so if the process dies at most the current row is lost.
  Reopening the file drops the remains of such a row and appends after the
  complete rows. A file may have only one writer.
  """

  def __init__(self, path: PathLike):
    """Opens `path`, with its directory, and reads the header, if any.

    Args:
      path: The file to append to.
    """
    self._path = pathlib.Path(path)
    self._path.parent.mkdir(parents=True, exist_ok=True)
    self._path.touch()
    self._columns, _, length = csv_rows.parse(self._path.read_bytes())
    os.truncate(self._path, length)
    self._file = self._open()

  def write(self, data: core.LoggingData) -> None:
    """Appends one row; a row without keys leaves no trace.

    Args:
      data: Values by column. They are written as by `str`, so floats keep all
        their digits.

    Raises:
      ValueError: The logger is closed, or a key or value holds a carriage
        return.
    """
    if not data:
      return
    if new := [key for key in data if key not in self._columns]:
      self._add_columns(new)
    self._file.write(_format_csv([[data.get(k, '') for k in self._columns]]))
    self._file.flush()

  def close(self) -> None:
    """Closes the file; a second call does nothing."""
    self._file.close()

  def _open(self) -> IO[str]:
    return self._path.open('a', encoding='utf-8', newline='')

  def _add_columns(self, keys: Sequence[str]) -> None:
    _, rows, _ = csv_rows.parse(self._path.read_bytes())
    columns = [*self._columns, *keys]
    padded = [row + [''] * (len(columns) - len(row)) for row in rows]
    _replace(self._path, _format_csv([columns, *padded]))
    # The open file is the one that was just replaced.
    self._file.close()
    self._file = self._open()
    self._columns = columns


class TensorBoardLogger(core.Logger):
  """Writes every value of a row as a TensorBoard scalar."""

  def __init__(
    self, directory: PathLike, steps_key: str, last_step: float = math.inf
  ):
    """Opens a new event file in `directory`.

    Args:
      directory: The directory for this run's event files.
      steps_key: The key whose value is the horizontal axis. A row without it
        goes to step 0: Acme's counters lack the key until their first count,
        when nothing has been done yet.
      last_step: TensorBoard hides values of later steps in existing event
        files.
    """
    self._steps_key = steps_key
    self._writer = tensorboardX.SummaryWriter(
      logdir=os.fspath(directory),
      purge_step=int(last_step) + 1 if math.isfinite(last_step) else None,
      flush_secs=_TENSORBOARD_FLUSH_SECONDS,
    )

  def write(self, data: core.LoggingData) -> None:
    """Writes one row.

    Args:
      data: Scalars by tag. `wall_clock` is not a curve; it is the time of the
        events.
    """
    step = int(data.get(self._steps_key, 0))
    wall_clock = data.get(WALL_CLOCK)
    for key, value in data.items():
      if key != WALL_CLOCK:
        self._writer.add_scalar(key, value, step, walltime=wall_clock)

  def close(self) -> None:
    """Writes the queue and closes the event file."""
    self._writer.close()


class PeriodicLogger(core.Logger):
  """Passes on at most one row per interval, and always the last one.

  The first row passes at once. A row that comes too soon is held until a later
  row replaces it. `close` writes the row that is still held, so a run's final
  values are never lost.
  """

  def __init__(self, logger: core.Logger, seconds: float):
    """Wraps `logger`.

    Args:
      logger: Receives the rows that pass; it is closed with this one.
      seconds: The shortest time between two rows. 0 lets every row pass.

    Raises:
      ValueError: `seconds` is negative or not finite.
    """
    if not (math.isfinite(seconds) and seconds >= 0):
      raise ValueError(
        'The period of a logger must be a finite number of seconds, 0 or more'
        f' (0 writes every row); got {seconds!r}.'
      )
    self._logger = logger
    self._timer = timers.Timer(seconds, is_over=True)
    self._held: core.LoggingData | None = None

  def write(self, data: core.LoggingData) -> None:
    """Passes the row on if it is due, otherwise holds it."""
    if not self._timer.is_over():
      self._held = dict(data)
      return
    self._timer.restart()
    self._held = None
    self._logger.write(data)

  def close(self) -> None:
    """Passes on the held row, if any, and closes the logger."""
    with contextlib.closing(self._logger):
      if self._held is not None:
        self._logger.write(self._held)
        self._held = None


class AtMultiples(core.Logger):
  """Passes on the rows whose step is a multiple of `num_steps`.

  These are the same rows at any speed, and for a run that was stopped and
  resumed.
  """

  def __init__(self, logger: core.Logger, steps_key: str, num_steps: int):
    """Wraps `logger`.

    Args:
      logger: Receives the rows that pass; closed with this one.
      steps_key: The key with a row's step.
      num_steps: Multiples of this pass, at least 1.

    Raises:
      ValueError: if `num_steps` is below 1.
    """
    if num_steps < 1:
      raise ValueError(f'num_steps must be at least 1, but is {num_steps}.')
    self._logger = logger
    self._steps_key = steps_key
    self._num_steps = num_steps

  def write(self, data: core.LoggingData) -> None:
    """Passes `data` on if its step is a multiple."""
    if data[self._steps_key] % self._num_steps == 0:
      self._logger.write(data)

  def close(self) -> None:
    """Closes the wrapped logger."""
    self._logger.close()


class TerminalLogger(core.Logger):
  """Prints every row on its own line, at once."""

  def __init__(self, label: str):
    """Makes the logger.

    Args:
      label: The source of the rows, which begins each line.
    """
    self._label = label

  def write(self, data: core.LoggingData) -> None:
    """Prints `data`, as formatted by `format_row`."""
    print(format_row(self._label, data), flush=True)

  def close(self) -> None:
    """Does nothing: there is nothing to close."""


class _RunLogger(core.Logger):
  """Converts rows to Python scalars, for several loggers."""

  def __init__(self, loggers: Sequence[core.Logger]):
    self._loggers = loggers

  def write(self, data: core.LoggingData) -> None:
    row = {key: _to_scalar(key, value) for key, value in data.items()}
    for logger in self._loggers:
      logger.write(row)

  def close(self) -> None:
    # Close all of them, even if one fails.
    with contextlib.ExitStack() as stack:
      for logger in self._loggers:
        stack.callback(logger.close)


class _StampedLogger(core.Logger):
  """Adds the time at which a row was submitted; it may pass on later.

  Where steps are of several frames, it adds the frames too.
  """

  def __init__(self, logger: core.Logger, action_repeat: int):
    self._logger = logger
    self._action_repeat = action_repeat

  def write(self, data: core.LoggingData) -> None:
    row = {WALL_CLOCK: time.time(), **data}
    if self._action_repeat > 1 and _STEPS in row:
      row[FRAMES] = row[_STEPS] * self._action_repeat
    self._logger.write(row)

  def close(self) -> None:
    self._logger.close()


def make_logger(
  workdir: PathLike,
  label: str,
  *,
  steps_key: str,
  seconds: float = 0.0,
  extra: Sequence[core.Logger] = (),
  last_step: float = math.inf,
  action_repeat: int = 1,
  tensorboard: bool = True,
) -> core.Logger:
  """Returns the logger of one worker of a run.

  Rows go to `<workdir>/logs/<label>.csv`, with a first column `wall_clock` in
  seconds since the epoch, and to `<workdir>/tensorboard/<label>`. Values are
  Python, NumPy or JAX numbers without dimensions; writing anything else raises
  a `TypeError` that names the key.

  Args:
    workdir: The directory of the run.
    label: The worker's name, such as `learner`, `evaluator` or `actor_0`.
    steps_key: The key that TensorBoard uses as horizontal axis.
    seconds: The shortest time between two rows; 0 writes every row. The last
      row is always written, by `close` at the latest.
    extra: Further loggers for the same rows, such as a `TerminalLogger`.
    last_step: The step from which the run resumes. Later rows, which an earlier
      process wrote after its last checkpoint, are dropped, because the run
      repeats these steps.
    action_repeat: Frames in an environment step. If there are several, rows
      with `actor_steps` get `actor_frames`.
    tensorboard: Whether TensorBoard gets the rows too.

  Returns:
    A logger that appends, so that a resumed run continues its files.

  Raises:
    ValueError: `seconds` is negative or not finite.
  """
  workdir = pathlib.Path(workdir)
  table = workdir / 'logs' / f'{label}.csv'
  drop_rows_after(table, steps_key, last_step)
  written: list[core.Logger] = [CSVLogger(table)]
  if tensorboard:
    written.append(
      TensorBoardLogger(workdir / 'tensorboard' / label, steps_key, last_step)
    )
  files = _RunLogger([*written, *extra])
  return _StampedLogger(PeriodicLogger(files, seconds), action_repeat)


def drop_rows_after(path: PathLike, steps_key: str, last_step: float) -> None:
  """Removes rows of steps after the last one that counts, atomically.

  It moves them to a file of the same name in the folder `undone` next to it.

  Args:
    path: A CSV file of a logger that is not open; it need not exist.
    steps_key: The column with a row's step. A row without it is at step 0.
    last_step: The last step whose rows are kept.
  """
  path = pathlib.Path(path)
  if not math.isfinite(last_step) or not path.exists():
    return
  columns, rows, _ = csv_rows.parse(path.read_bytes())
  if steps_key not in columns:
    return
  column = columns.index(steps_key)
  kept, undone = [], []
  for row in rows:
    step = float((row[column] if column < len(row) else '') or 0)
    (kept if step <= last_step else undone).append(row)
  if not undone:
    return
  with contextlib.closing(CSVLogger(path.parent / UNDONE / path.name)) as aside:
    for row in undone:
      cells = zip(columns, row, strict=False)
      aside.write({key: cell for key, cell in cells if cell})
  _replace(path, _format_csv([columns, *kept]))


def has_rows(path: PathLike) -> bool:
  """Whether a logger's CSV file has a row below its header."""
  _, rows, _ = csv_rows.parse(pathlib.Path(path).read_bytes())
  return bool(rows)


def read_rows(path: PathLike) -> list[dict[str, float]]:
  """Reads a logger's CSV file of numbers, which may still be growing.

  Args:
    path: The file.

  Returns:
    One dictionary per row. Empty cells have no key in it, and an incomplete
    last line is left out.

  Raises:
    FileNotFoundError: There is no such file.
    ValueError: A cell is not a number.
  """
  columns, rows, _ = csv_rows.parse(pathlib.Path(path).read_bytes())
  try:
    return [csv_rows.to_numbers(columns, row) for row in rows]
  except ValueError as error:
    raise ValueError(
      f'{os.fspath(path)} should hold numbers only: {error}.'
    ) from error


def format_row(label: str, row: Mapping[str, Any]) -> str:
  """Formats a row as `[label] key = value | key = value`.

  Args:
    label: The source of the row.
    row: Numbers, printed with four significant digits (integers in full), or
      strings, printed as they are.

  Returns:
    One line, without a newline.

  Raises:
    TypeError: A value is neither a string nor a number without dimensions.
  """
  cells = (f'{key} = {_format_value(key, row[key])}' for key in row)
  return f'[{label}] {" | ".join(cells)}'


def _format_value(key: str, value: Any) -> str:
  if isinstance(value, str):
    return value
  scalar = _to_scalar(key, value)
  return str(scalar) if isinstance(scalar, int) else f'{scalar:.4g}'


def _to_scalar(key: str, value: Any) -> Scalar:
  """Converts a number without dimensions; booleans become 0 and 1."""
  array = np.asarray(value)
  if array.ndim == 0 and array.dtype.kind in 'biu':
    return int(array)
  if array.ndim == 0 and array.dtype.kind == 'f':
    return float(array)
  raise TypeError(
    f'The value logged as {key!r} must be an integer, a float or a boolean'
    ' without dimensions, from Python, NumPy or JAX; got'
    f' {type(value).__name__} of dtype {array.dtype} and shape {array.shape}.'
    ' Reduce it, for example to its mean, or cast it to float32.'
  )


def _replace(path: pathlib.Path, content: str) -> None:
  """Replaces a file's content, all of it or nothing."""
  aside = path.with_name(path.name + '.tmp')
  with aside.open('w', encoding='utf-8', newline='') as file:
    file.write(content)
    file.flush()
    files.sync(file.fileno(), path)
  os.replace(aside, path)


def _format_csv(rows: Iterable[Iterable[Any]]) -> str:
  text = io.StringIO()
  csv.writer(text, lineterminator='\n').writerows(rows)
  # The csv module does not quote a carriage return, but reads it back as the
  # end of a row.
  if '\r' in text.getvalue():
    raise ValueError(
      'Keys and values in a CSV file may hold no carriage return; got'
      f' {text.getvalue()!r}.'
    )
  return text.getvalue()
