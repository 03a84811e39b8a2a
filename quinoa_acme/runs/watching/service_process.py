"""The process that sends a run's rows to a service; see `services`.

It reads `logs/*.csv` and `config.json` in the run's folder, and keeps there, in
`wandb.json` or `mlflow.json`, which run of the service it writes to and what it
has sent. A run that resumes goes on in the same run of the service. It repeats
some steps; those that the service has already are not sent again.
"""

from collections.abc import Callable, Mapping, Sequence
import contextlib
import json
import os
import pathlib
import signal
import threading
import time
from typing import Any, NamedTuple, Protocol
import uuid

from quinoa_acme.runs.watching import csv_rows
from quinoa_acme.runs.watching import services

# The project of wandb and the experiment of MLflow, unless $WANDB_PROJECT or
# $MLFLOW_EXPERIMENT_NAME names another.
PROJECT = 'quinoa_acme'

_WALL_CLOCK = 'wall_clock'
# Seconds between two readings, and the longest pause after failures.
_SECONDS = 5.0
_LONGEST_SECONDS = 600.0
# What MLflow takes at once.
_METRICS_PER_CALL = 1000
_PARAMETERS_PER_CALL = 100
_LONGEST_PARAMETER = 500
# Rows that are sent, and then noted as sent, together.
_ROWS_PER_CALL = 100


class Row(NamedTuple):
  """A row of a log.

  Attributes:
    role: what wrote it, e.g. 'learner': the name of the file.
    step: the steps of its horizontal axis, as TensorBoard's.
    time: when it was written, in seconds since the epoch.
    values: numbers by column, without the time.
  """

  role: str
  step: int
  time: float
  values: Mapping[str, float]


class Service(Protocol):
  """A run of a service that is open.

  Attributes:
    state: what finds the same run again: plain values.
  """

  state: dict[str, str]

  def send(self, rows: Sequence[Row]) -> None:
    """Sends rows; raises any exception if it cannot."""
    ...

  def close(self, is_finished: bool) -> None:
    """Closes the run; `is_finished` says whether it came to its end."""
    ...


class Run(NamedTuple):
  """What a service is told of a run.

  Attributes:
    workdir: its folder.
    options: its options, by names with dots.
    num_rows: the number of rows that were sent before.
  """

  workdir: pathlib.Path
  options: Mapping[str, Any]
  num_rows: int


class WandbService:
  """A run of Weights & Biases.

  `WANDB_MODE`, `WANDB_PROJECT` and wandb's other variables work as usual. Its
  files are in the run's folder.
  """

  def __init__(self, run: Run, state: Mapping[str, str]):
    """Opens the run, or a new one if `state` is empty.

    Args:
      run: what it is a run of.
      state: what an earlier object had as `state`.
    """
    import wandb

    self.state = dict(state) or {
      'run_id': uuid.uuid4().hex[:8],
      'project': os.environ.get('WANDB_PROJECT') or PROJECT,
    }
    self._run = wandb.init(
      project=self.state['project'],
      id=self.state['run_id'],
      resume='allow',
      name=run.workdir.name,
      dir=str(run.workdir),
      config=dict(run.options),
      settings=wandb.Settings(console='off', silent=True),
    )
    self._num_rows = run.num_rows
    self._roles: set[str] = set()

  def send(self, rows: Sequence[Row]) -> None:
    """Logs each row as 'role/column', over the steps of its own."""
    for row in rows:
      axis = f'{row.role}/{steps_key_of(row.role)}'
      if row.role not in self._roles:
        self._roles.add(row.role)
        self._run.define_metric(axis)
        self._run.define_metric(f'{row.role}/*', step_metric=axis)
      # wandb's own step must grow over all roles.
      self._run.log(
        {
          **{f'{row.role}/{key}': x for key, x in row.values.items()},
          '_timestamp': row.time,
        },
        step=self._num_rows,
      )
      self._num_rows += 1

  def close(self, is_finished: bool) -> None:
    """Waits until all is written or uploaded."""
    self._run.finish(exit_code=0 if is_finished else 1)


class MLflowService:
  """A run of MLflow.

  It is in the store of `MLFLOW_TRACKING_URI`, by default that of files in
  `mlruns` in the run's folder.
  """

  def __init__(self, run: Run, state: Mapping[str, str]):
    """Opens the run, or a new one if `state` is empty; see `WandbService`."""
    # Newer versions of MLflow open a store of files only when asked to.
    os.environ.setdefault('MLFLOW_ALLOW_FILE_STORE', 'true')
    # Its own many and long retries would outlast the run; this process retries.
    os.environ.setdefault('MLFLOW_HTTP_REQUEST_MAX_RETRIES', '1')
    os.environ.setdefault('MLFLOW_HTTP_REQUEST_TIMEOUT', '20')
    import mlflow
    from mlflow import entities

    uri = state.get('uri', os.environ.get('MLFLOW_TRACKING_URI', ''))
    self._client = mlflow.MlflowClient(
      # A folder may be moved, so that its store is not kept by its address.
      tracking_uri=uri or (run.workdir / 'mlruns').as_uri()
    )
    self._make_metric = entities.Metric
    if state:
      self._id = state['run_id']
      self._client.update_run(self._id, status='RUNNING')
      self._parameters = []
    else:
      created = self._client.create_run(
        self._find_experiment(), run_name=run.workdir.name
      )
      self._id = created.info.run_id
      # Sent with the first rows: if that fails, the run is there already.
      self._parameters = [
        entities.Param(key, str(value)[:_LONGEST_PARAMETER])
        for key, value in run.options.items()
      ]
    self.state = {'run_id': self._id, 'uri': uri}

  def _find_experiment(self) -> str:
    name = os.environ.get('MLFLOW_EXPERIMENT_NAME') or PROJECT
    found = self._client.get_experiment_by_name(name)
    return (
      found.experiment_id if found else self._client.create_experiment(name)
    )

  def send(self, rows: Sequence[Row]) -> None:
    """Logs each value as the metric 'role/column', at its row's step."""
    while self._parameters:
      self._client.log_batch(
        self._id, params=self._parameters[:_PARAMETERS_PER_CALL]
      )
      del self._parameters[:_PARAMETERS_PER_CALL]
    metrics = [
      self._make_metric(
        f'{row.role}/{key}', value, int(row.time * 1000), row.step
      )
      for row in rows
      for key, value in row.values.items()
    ]
    for i in range(0, len(metrics), _METRICS_PER_CALL):
      self._client.log_batch(
        self._id, metrics=metrics[i : i + _METRICS_PER_CALL]
      )

  def close(self, is_finished: bool) -> None:
    """Says how the run ended."""
    status = 'FINISHED' if is_finished else 'KILLED'
    self._client.set_terminated(self._id, status)


MAKERS: Mapping[str, Callable[[Run, Mapping[str, str]], Service]] = {
  'wandb': WandbService,
  'mlflow': MLflowService,
}


def steps_key_of(role: str) -> str:
  """The column with the steps of a role's horizontal axis."""
  return 'learner_steps' if role == 'learner' else 'actor_steps'


class Sender:
  """Sends a run's new rows to a service, and remembers which.

  The service is opened by the first call of `send`.
  """

  def __init__(self, name: str, workdir: pathlib.Path):
    """Reads what was sent before.

    Args:
      name: of the service.
      workdir: the run's folder.

    Raises:
      ValueError: if the file that says so cannot be read.
    """
    self._name = name
    self._workdir = workdir
    self._path = workdir / f'{name}.json'
    self._service: Service | None = None
    # By role, the step and time of the last row that was sent.
    self._sent: dict[str, list[float]] = {}
    self._state: Mapping[str, str] = {}
    self._num_rows = 0
    self._logs: dict[str, csv_rows.NewRows] = {}
    self._waiting: list[Row] = []
    if self._path.exists():
      try:
        plain = json.loads(self._path.read_text())
        self._state = {key: str(x) for key, x in plain['state'].items()}
        self._sent = {
          key: [float(x) for x in v] for key, v in plain['sent'].items()
        }
        self._num_rows = int(plain['num_rows'])
      except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
          f'{self._path} is not as a run writes it: {error!r}. Remove it, and '
          f'the run begins a new one of {name}.'
        ) from None

  def send(self) -> None:
    """Sends what is new; raises any exception if it cannot.

    What was not sent is kept for the next call.
    """
    self._waiting += self._read()
    if not self._waiting:
      return
    if self._service is None:
      self._open()
    assert self._service is not None
    while rows := self._waiting[:_ROWS_PER_CALL]:
      self._service.send(rows)
      del self._waiting[: len(rows)]
      for row in rows:
        self._sent[row.role] = [row.step, row.time]
      self._num_rows += len(rows)
      self._write()

  def close(self, is_finished: bool) -> None:
    """Closes the service, if it was opened."""
    if self._service is not None:
      self._service.close(is_finished)

  def _open(self) -> None:
    plain = json.loads((self._workdir / 'config.json').read_text())
    run = Run(self._workdir, flatten(plain), self._num_rows)
    self._service = MAKERS[self._name](run, self._state)
    self._state = self._service.state
    self._write()

  def _write(self) -> None:
    aside = self._path.with_suffix('.tmp')
    plain = {
      'state': dict(self._state),
      'num_rows': self._num_rows,
      'sent': self._sent,
    }
    aside.write_text(json.dumps(plain, indent=2) + '\n')
    os.replace(aside, self._path)

  def _read(self) -> list[Row]:
    found = []
    for path in sorted((self._workdir / 'logs').glob('*.csv')):
      role = path.stem
      if role not in self._logs:
        self._logs[role] = csv_rows.NewRows(
          path, lambda row, role=role: self._is_new(role, row)
        )
      for values in self._logs[role].read():
        step, at = _place(role, values)
        values.pop(_WALL_CLOCK, None)
        found.append(Row(role, step, at, values))
    # In the order of time, over all roles.
    return sorted(found, key=lambda row: row.time)

  def _is_new(self, role: str, row: Mapping[str, float]) -> bool:
    waiting = [(x.step, x.time) for x in self._waiting if x.role == role]
    sent = self._sent.get(role)
    last = waiting[-1] if waiting else sent and (sent[0], sent[1])
    if not last:
      return True
    step, at = _place(role, row)
    return step >= last[0] and at > last[1]


def _place(role: str, row: Mapping[str, float]) -> tuple[int, float]:
  return int(row.get(steps_key_of(role), 0)), row.get(_WALL_CLOCK, 0.0)


def flatten(plain: Any, prefix: str = '') -> dict[str, Any]:
  """Nested plain values by names with dots.

  Args:
    plain: of JSON.
    prefix: for the names.

  Returns:
    The values that are no mappings.

  Examples:
    >>> flatten({'agent': {'type': 'SVG0Config', 'fit': {'a': 1}}, 'seed': 0})
    {'agent.type': 'SVG0Config', 'agent.fit.a': 1, 'seed': 0}
  """
  if not isinstance(plain, Mapping):
    return {prefix.rstrip('.'): plain}
  return {
    name: x
    for key, value in plain.items()
    for name, x in flatten(value, f'{prefix}{key}.').items()
  }


def follow(
  sender: Sender,
  ended: threading.Event,
  is_finished: Callable[[], bool],
  warn: Callable[[str], None],
) -> int:
  """Sends rows until the run has ended.

  Args:
    sender: sends them.
    ended: set when the run has ended.
    is_finished: whether it came to its end.
    warn: called with the first failure.

  Returns:
    The process's exit status: 1 if rows could not be sent.
  """
  has_warned = False
  pause = _SECONDS
  while True:
    is_last = ended.wait(pause)
    try:
      sender.send()
      if is_last:
        sender.close(is_finished())
        return 0
      pause = _SECONDS
    except Exception as error:
      if not has_warned:
        warn(f'{type(error).__name__}: {error}')
        has_warned = True
      if is_last:
        return 1
      pause = min(2 * pause, _LONGEST_SECONDS)


def main(service: str, workdir: str) -> int:
  """Sends a run's rows to a service until standard input is at its end.

  Args:
    service: a key of `MAKERS`.
    workdir: the run's folder.

  Returns:
    The exit status.
  """
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  folder = pathlib.Path(workdir)
  terminal = os.dup(2)
  # What the service's package says would tear the run's progress line.
  (folder / 'logs').mkdir(parents=True, exist_ok=True)
  log = os.open(
    folder / 'logs' / f'{service}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND
  )
  for stream in (1, 2):
    os.dup2(log, stream)

  def warn(text: str) -> None:
    line = ' '.join(text.split())
    first = '\n' if os.isatty(terminal) else ''
    with contextlib.suppress(OSError):
      os.write(
        terminal,
        f'{first}warning: {service} fails, and the run goes on without: '
        f'{line}\n'.encode(errors='replace'),
      )

  ended = threading.Event()
  said: list[bytes] = []
  launcher = os.getppid()

  def wait_for_end() -> None:
    # Unbuffered: an interpreter that ends must not find a lock of it taken.
    said.append(os.read(0, 100))
    ended.set()

  def look_after_launcher() -> None:
    # A fork of a launcher that was killed may hold the other end open.
    while os.getppid() == launcher:
      time.sleep(_SECONDS)
    ended.set()

  for work in (wait_for_end, look_after_launcher):
    threading.Thread(target=work, daemon=True).start()
  try:
    sender = Sender(service, folder)
  except ValueError as error:
    warn(str(error))
    return 1
  return follow(sender, ended, lambda: services.FINISHED in said, warn)
