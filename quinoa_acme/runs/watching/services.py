"""Where a run's rows go: CSV files, TensorBoard, Weights & Biases, MLflow.

The last two are services with packages of their own. A process for each reads
the CSV files while the run writes them, and sends on what it reads. So the
values and their names are the same everywhere; a service is one process
whatever the run's are; and one that is slow or fails cannot hold up the run.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import importlib.util
import os
import pathlib
import subprocess
import sys

from quinoa_acme.runs.watching import terminal
from quinoa_acme.utils import extras

CSV = 'csv'
TENSORBOARD = 'tensorboard'
# Those that are services are also the names of their packages and extras.
SERVICES = ('wandb', 'mlflow')
LOGGERS = (CSV, TENSORBOARD, *SERVICES)
# What the process is told at the end of a run.
FINISHED = b'finished\n'
_STOPPED = b'stopped\n'

_ROOT = pathlib.Path(__file__).resolve().parents[3]
# Seconds that a service has at the end for what it has not sent.
_LAST_SECONDS = 60.0
_PROGRAM = """
import sys
# In the place of the working directory, whose files might have any name.
sys.path[0] = {root!r}
from quinoa_acme.runs.watching import service_process
sys.exit(service_process.main({service!r}, {workdir!r}))
"""


def check_names(names: Sequence[str]) -> tuple[str, ...]:
  """Checks the loggers of a run.

  Args:
    names: of `LOGGERS`.

  Returns:
    The names as a tuple.

  Raises:
    ValueError: if there is no such logger, one is named twice, or `csv` is not
      among them.

  Examples:
    >>> check_names(['csv', 'wandb'])
    ('csv', 'wandb')
  """
  known = ', '.join(LOGGERS)
  if isinstance(names, str) or not all(isinstance(x, str) for x in names):
    raise ValueError(f'loggers must be names of {known}, but is {names!r}.')
  names = tuple(names)
  if unknown := [name for name in names if name not in LOGGERS]:
    raise ValueError(
      f'there is no logger {unknown[0]!r}: loggers may be {known}.'
    )
  if len(set(names)) < len(names):
    raise ValueError(f'loggers names one twice: {", ".join(names)}.')
  if CSV not in names:
    raise ValueError(
      f'loggers must contain {CSV!r}, which plots, checks and the other '
      f'loggers read, but is {", ".join(names) or "empty"}.'
    )
  return names


def check_installed(names: Sequence[str]) -> None:
  """Checks that the packages of a run's loggers are there.

  Args:
    names: of `LOGGERS`.

  Raises:
    MissingExtraError: if one is not; names the extra that brings it.
  """
  for name in SERVICES:
    if name in names and not _is_installed(name):
      raise extras.MissingExtraError(
        f'--logger={name} needs {name}, which is not installed. Install the '
        f"extra: pip install 'quinoa-acme[{name}]'."
      )


def check_here(names: Sequence[str], launch_type: str) -> None:
  """Checks the loggers of a run that other machines run.

  Args:
    names: of `LOGGERS`.
    launch_type: how it is launched, for the message.

  Raises:
    ValueError: if one is a service: this machine does not see the run's files.
  """
  if found := [name for name in SERVICES if name in names]:
    raise ValueError(
      f'--logger={found[0]} is for runs on this machine, not for '
      f'--lp_launch_type={launch_type}.'
    )


def _is_installed(name: str) -> bool:
  spec = importlib.util.find_spec(name)
  # A folder of that name, such as wandb makes, has no file of its own.
  return spec is not None and spec.origin is not None


@contextlib.contextmanager
def sending(workdir: str, names: Sequence[str]) -> Iterator[Callable[[], None]]:
  """Sends what a run logs to its services, until the end of the block.

  Whatever becomes of a service, the run goes on: its process warns on the
  terminal, once, and tries again later.

  Args:
    workdir: the run's folder, which has its `config.json`.
    names: the run's loggers; those that are no services are ignored.

  Yields:
    A function to call if the run comes to its end, rather than being stopped.
  """
  senders = {}
  for name in SERVICES:
    if name in names:
      with _surviving(name):
        senders[name] = _start(name, workdir)
  said = [_STOPPED]
  try:
    yield lambda: said.append(FINISHED)
  finally:
    for sender in senders.values():
      _tell_end(sender, said[-1])
    for name, sender in senders.items():
      with _surviving(name):
        _wait(name, sender, workdir)


@contextlib.contextmanager
def _surviving(name: str) -> Iterator[None]:
  try:
    yield
  except OSError as error:
    _warn(f'{name} gets no rows: {error}')


def _start(name: str, workdir: str) -> subprocess.Popen:
  workdir = os.path.abspath(workdir)
  program = _PROGRAM.format(root=str(_ROOT), service=name, workdir=workdir)
  return subprocess.Popen(
    [sys.executable, '-c', program],
    stdin=subprocess.PIPE,
    stdout=subprocess.DEVNULL,
    # Ctrl-C is for the run; the process ends after it.
    start_new_session=True,
  )


def _tell_end(sender: subprocess.Popen, what: bytes) -> None:
  assert sender.stdin is not None
  # It may have ended.
  with contextlib.suppress(OSError):
    sender.stdin.write(what)
  with contextlib.suppress(OSError):
    sender.stdin.close()


def _wait(name: str, sender: subprocess.Popen, workdir: str) -> None:
  try:
    status = sender.wait(_LAST_SECONDS)
  except subprocess.TimeoutExpired:
    sender.kill()
    status = sender.wait()
  if status:
    _warn(
      f'{name} did not get all rows; it gets the rest if the run resumes. What '
      f'it said is in {os.path.join(workdir, "logs", name)}.log.'
    )


def _warn(text: str) -> None:
  terminal.say(f'warning: {text}', sys.stderr)
