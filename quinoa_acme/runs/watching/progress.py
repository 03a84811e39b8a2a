"""The progress line: how far a run is, its returns, and the time left."""

import dataclasses
import shutil
import sys
import time
from typing import TextIO

from quinoa_acme.environments import action_repeat as action_repeat_lib
from quinoa_acme.runs.watching import terminal

# Seconds between lines: rewritten in place on a terminal, printed one below the
# other elsewhere.
_TERMINAL_SECONDS = 1.0
_PLAIN_SECONDS = 10.0
# The width to assume if a terminal does not report one.
_COLUMNS = 80


@dataclasses.dataclass(frozen=True)
class Status:
  """A run at one moment.

  Attributes:
    actor_steps: environment steps made so far.
    learner_steps: SGD steps made so far.
    training_return: return of the last training episode, if there was one.
    evaluation_return: mean return of the last evaluation, if there was one.
    evaluation_return_std: its standard deviation over episodes.
    sample_age: mean age of the learner's last samples, in environment steps,
      as `samples` defines it; None before the first samples.
    memory_mb: memory of the run's processes, in 10^6 bytes, if measured.
    warning: what looked wrong at the last evaluation, if anything.
    finished: whether the run reached its end.
  """

  actor_steps: int = 0
  learner_steps: int = 0
  training_return: float | None = None
  evaluation_return: float | None = None
  evaluation_return_std: float | None = None
  sample_age: float | None = None
  memory_mb: float | None = None
  warning: str | None = None
  finished: bool = False


class Progress:
  """Prints a status from time to time, with speeds and the time left."""

  def __init__(
    self,
    num_steps: int,
    stream: TextIO | None = None,
    action_repeat: int = 1,
  ):
    """Makes the printer.

    Args:
      num_steps: environment steps of the whole run.
      stream: where to print; standard output if not given.
      action_repeat: frames in an environment step.
    """
    self._num_steps = num_steps
    self._action_repeat = action_repeat
    self._stream = stream or sys.stdout
    self._on_terminal = terminal.is_terminal(self._stream)
    self._seconds = _TERMINAL_SECONDS if self._on_terminal else _PLAIN_SECONDS
    self._started = time.monotonic()
    self._last_print = self._started
    # The status at the last print, for the speeds since then.
    self._before: tuple[float, Status] | None = None
    self._has_warned = False

  def show(self, status: Status) -> None:
    """Prints `status` if it is due, or at once if a warning is new."""
    if status.warning and not self._has_warned:
      self.close()
      terminal.say(format_warning(status.warning), self._stream)
    self._has_warned = bool(status.warning)
    now = time.monotonic()
    if self._before is None:
      self._before = (now, status)
    if now - self._last_print < self._seconds:
      return
    self._last_print = now
    line = format_status(
      status,
      self._num_steps,
      *self._speeds(now, status),
      self._action_repeat,
    )
    if self._on_terminal:
      # A line that wraps cannot be rewritten.
      columns = shutil.get_terminal_size().columns or _COLUMNS
      line = f'\r\x1b[K{line[: columns - 1]}'
    else:
      line = f'{line}\n'
    terminal.write(line, self._stream)

  def close(self) -> None:
    """Ends the line that is being rewritten."""
    if self._on_terminal:
      terminal.write('\r\x1b[K', self._stream)

  def _speeds(self, now: float, status: Status) -> tuple[float, float]:
    """Environment and SGD steps per second since the last known speeds."""
    assert self._before is not None
    then, before = self._before
    seconds = max(now - then, 1e-9)
    speeds = (
      (status.actor_steps - before.actor_steps) / seconds,
      (status.learner_steps - before.learner_steps) / seconds,
    )
    # Counts come in bursts, which even out over half a minute.
    if seconds > 30.0:
      self._before = (now, status)
    return speeds


def format_status(
  status: Status,
  num_steps: int,
  steps_rate: float,
  updates_rate: float,
  action_repeat: int = 1,
) -> str:
  """One line of progress.

  Args:
    status: the state of the run.
    num_steps: environment steps of the whole run.
    steps_rate: environment steps per second.
    updates_rate: SGD steps per second.
    action_repeat: frames in an environment step.

  Returns:
    The line, without a newline.
  """
  parts = [f'{status.actor_steps:,}/{num_steps:,} steps']
  if action_repeat > 1:
    frames = (x * action_repeat for x in (status.actor_steps, num_steps))
    parts.append('/'.join(f'{x:,}' for x in frames) + ' frames')
  if steps_rate > 0:
    left = max(num_steps - status.actor_steps, 0) / steps_rate
    parts.append(f'{format_seconds(left)} left')
  if status.training_return is not None:
    parts.append(f'return {status.training_return:.1f}')
  if status.evaluation_return is not None:
    parts.append(f'evaluated {format_evaluation(status)}')
  parts += [f'{steps_rate:.0f} steps/s', f'{updates_rate:.0f} updates/s']
  if status.sample_age is not None:
    parts.append(f'sample age {status.sample_age:,.0f} steps')
  if status.memory_mb is not None:
    parts.append(f'{status.memory_mb / 1000:.2f} GB')
  return ' | '.join(parts)


def format_evaluation(status: Status) -> str:
  """The last evaluation, e.g. '512.3 ± 20.1'."""
  if status.evaluation_return is None:
    return 'none'
  text = f'{status.evaluation_return:.1f}'
  if status.evaluation_return_std is not None:
    text += f' ± {status.evaluation_return_std:.1f}'
  return text


def format_warning(warning: str) -> str:
  """A warning, as a line for the terminal."""
  return f'Warning: {warning}'


def format_seconds(seconds: float) -> str:
  """A duration as a person would say it, e.g. '3 min 20 s'."""
  whole = round(seconds)
  if whole < 60:
    return f'{whole} s'
  if whole < 3600:
    return f'{whole // 60} min {whole % 60} s'
  return f'{whole // 3600} h {whole % 3600 // 60} min'


def summarise(
  status: Status,
  min_replay_size: int,
  sgd_steps_per_insert: float,
  seconds: float,
  action_repeat: int = 1,
) -> str:
  """The last line of a run: its steps, and the ratio it achieved.

  Args:
    status: the run at its end.
    min_replay_size: environment steps before learning started.
    sgd_steps_per_insert: the requested update-to-data ratio.
    seconds: the duration of the run.
    action_repeat: frames in an environment step.

  Returns:
    The line.
  """
  learnt_from = max(status.actor_steps - min_replay_size, 1)
  ratio = status.learner_steps / learnt_from
  how = 'Done' if status.finished else 'Stopped'
  steps = action_repeat_lib.describe_steps(status.actor_steps, action_repeat)
  return (
    f'{how} after {steps} and {status.learner_steps:,} '
    f'updates ({ratio:.3f} per environment step past the first '
    f'{min_replay_size:,}; asked for {sgd_steps_per_insert:g}) in '
    f'{format_seconds(seconds)}. Last evaluation: {format_evaluation(status)}.'
  )
