"""The distributed program: replay, counter, learner, evaluator and actors.

Every node is a function of this package, so that the names that Acme needs are
bound first in each node's process, and takes the whole `ExperimentConfig`.

The run ends in order. When the actors' steps reach the target the counter tells
every node to finish: actors stop, the learner saves its last checkpoint and
goes on serving parameters, the evaluator makes the last evaluation with them;
and when all have said that they are done the counter stops the program. After a
SIGINT or SIGTERM the nodes do the same in short, without waiting for each
other.
"""

from collections.abc import Callable, Iterator, Mapping
import contextlib
import dataclasses
import functools
import io
import json
import os
import pathlib
import queue
import shutil
import sys
import tempfile
import threading
import time
import traceback
from typing import Any, cast, TextIO, TypeVar

from absl import logging
from acme import core
from acme import specs
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import jax
import launchpad as lp
from launchpad import context as lp_context
from launchpad.launch.run_locally import run_locally
from launchpad.nodes.python import local_multi_processing
import reverb

from quinoa_acme import acting_loop
from quinoa_acme import evaluation
from quinoa_acme import experiment as experiment_lib
from quinoa_acme import forking
from quinoa_acme import loggers
from quinoa_acme import progress as progress_lib
from quinoa_acme import resources
from quinoa_acme import run_state
from quinoa_acme.agents import agents

# Seconds that a node has, after the program is told to stop, to leave what it
# is at. Launchpad kills what is left after ten.
_GRACE_SECONDS = 5.0
# Seconds between two looks of a waiting node.
_POLL_SECONDS = 0.2
# Seconds that the nodes have to finish once the target is reached, before the
# program is stopped as failed.
_FINISH_SECONDS = 600.0
# Seconds for the last evaluation of a run that a signal stops.
_SHORT_EVALUATION_SECONDS = 4.0
# Environment steps of an actor between two looks at its last return.
_STEPS_BETWEEN_LOOKS = 100
_STATUS_FILE = 'status.json'
_FAILURE_FILE = 'failure.txt'

T = TypeVar('T')


class Coordinator(counting.Counter):
  """Counts, and brings the run to its end. The program's counter node.

  The other nodes' counters have it as their parent; it is served by Courier, so
  that every public method may be called from another process.
  """

  def __init__(self, config: experiment_lib.ExperimentConfig):
    """Goes on from the counts of the workdir, if there are any.

    Args:
      config: the run.
    """
    resources.end_with_launcher()
    super().__init__()
    self._config = config
    self.restore(
      {'counts': run_state.restore_counts(config.workdir), 'cache': {}}
    )
    self._waiting_for = {'learner', 'evaluator'} | {
      f'actor_{i}' for i in range(config.num_actors)
    }
    self._returns: dict[str, float] = {}
    self._finished = False

  def should_finish(self) -> bool:
    """Whether the actors have made all of the run's steps."""
    return self.get_counts().get('actor_steps', 0) >= self._config.num_steps

  def are_actors_done(self) -> bool:
    """Whether every actor has said that it is done."""
    return not any(role.startswith('actor_') for role in self._waiting_for)

  def is_done(self, role: str) -> bool:
    """Whether a node has said that it is done."""
    return role not in self._waiting_for

  def report_done(self, role: str) -> None:
    """A node says that it is done."""
    self._waiting_for.discard(role)

  def report_returns(self, returns: Mapping[str, float]) -> None:
    """A node tells its last return, under the names of a `Status`."""
    self._returns = {**self._returns, **returns}

  def run(self) -> None:
    """Watches the run to its end; the node's main loop.

    Raises:
      TimeoutError: if a node does not finish after the target is reached.
    """
    stop = lp.stop_event()
    self._write()
    finish_by = None
    while not self._finished and not stop.wait(1.0):
      self._write()
      if not self.should_finish():
        continue
      finish_by = finish_by or time.monotonic() + _FINISH_SECONDS
      if not self._waiting_for:
        self._finished = True
        self._write()
        lp.stop()
      elif time.monotonic() > finish_by:
        error = TimeoutError(
          f'{", ".join(sorted(self._waiting_for))} did not finish within '
          f'{_FINISH_SECONDS:g} s of the last step. See their output in '
          f'{self._config.workdir}/logs/nodes.'
        )
        _write_failure(self._config.workdir, 'counter', error)
        raise error
    stop.wait()
    self._write()

  def _write(self) -> None:
    counts = self.get_counts()
    run_state.save_counts(self._config.workdir, counts)
    write_status(
      self._config.workdir,
      progress_lib.Status(
        actor_steps=int(counts.get('actor_steps', 0)),
        learner_steps=int(counts.get('learner_steps', 0)),
        finished=self._finished,
        **self._returns,
      ),
    )


def write_status(workdir: str, status: progress_lib.Status) -> None:
  """Writes the run's status for the launcher to show."""
  path = pathlib.Path(workdir) / _STATUS_FILE
  aside = path.with_suffix('.tmp')
  aside.write_text(json.dumps(dataclasses.asdict(status)) + '\n')
  os.replace(aside, path)


def read_status(workdir: str) -> progress_lib.Status:
  """Reads the run's status; that of a run not begun if there is none."""
  path = pathlib.Path(workdir) / _STATUS_FILE
  if not path.exists():
    return progress_lib.Status()
  return progress_lib.Status(**json.loads(path.read_text()))


def read_failure(workdir: str) -> str | None:
  """The first failure that a node wrote down, or None."""
  path = pathlib.Path(workdir) / _FAILURE_FILE
  return path.read_text().strip() if path.exists() else None


def clear(workdir: str) -> None:
  """Removes the status and failure of an earlier run in the same folder."""
  for name in (_STATUS_FILE, _FAILURE_FILE):
    (pathlib.Path(workdir) / name).unlink(missing_ok=True)


class _Body:
  """A node's work in a thread of its own, out of the way of signals.

  Reverb and Courier block in C++, where Python handles no signal. A node's own
  thread must stay free to see that the program stops, and to leave the work
  where it is if that does not notice.
  """

  def __init__(
    self, role: str, workdir: str, work: Callable[[Callable[[], bool]], None]
  ):
    """Makes the body.

    Args:
      role: the node's name.
      workdir: the run's folder.
      work: the work; it is given a function that says whether the program is
        being stopped.
    """
    self._role = role
    self._workdir = workdir
    self._work = work
    self._stop = lp.stop_event()
    self._error: BaseException | None = None

  def run_until_stop(self) -> None:
    """Does the work, then waits for the end of the program.

    Raises:
      Exception: what the work raised, after it is written down for the
        launcher.
    """
    thread = threading.Thread(target=self._run, name=self._role, daemon=True)
    thread.start()
    while not self._stop.wait(_POLL_SECONDS):
      if self._error is not None:
        _write_failure(self._workdir, self._role, self._error)
        raise self._error
    thread.join(_GRACE_SECONDS)
    _leave()

  def _run(self) -> None:
    try:
      self._work(self._stop.is_set)
    except Exception as error:
      # Once the program stops its servers go in any order, and what talks to
      # them fails as it must.
      if self._stop.is_set():
        logging.info('%s stopped at: %r', self._role, error)
      else:
        self._error = error


def _runs_in_own_process() -> bool:
  launch_type = lp_context.get_context().launch_type
  return launch_type is lp_context.LaunchType.LOCAL_MULTI_PROCESSING


def _leave() -> None:
  """Ends the node's process, if it has one, whatever its threads are at.

  Threads of Reverb's and TensorFlow's can keep an interpreter from going down,
  or crash it on the way.
  """
  if _runs_in_own_process():
    logging.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _write_failure(workdir: str, role: str, error: BaseException) -> None:
  text = ''.join(traceback.format_exception(error))
  # The first failure is the cause; those of its peers follow from it.
  try:
    with (pathlib.Path(workdir) / _FAILURE_FILE).open('x') as file:
      file.write(f'{text}\nThe {role} failed: {error!r}\n')
  except FileExistsError:
    logging.error('The %s failed: %r', role, error)


class StoppableIterator(Iterator[T]):
  """Reads an iterator ahead by one, and can be told to stop waiting for it.

  The dataset blocks in C++ for as long as the replay's limiter holds samples
  back; the learner must be able to leave it and save its state.
  """

  def __init__(self, iterator: Iterator[T]):
    """Starts to read.

    Args:
      iterator: what to read; from a thread of its own.
    """
    self._should_stop: Callable[[], bool] = acting_loop.never
    self._queue: queue.Queue[Any] = queue.Queue(maxsize=1)
    self._error: Exception | None = None
    self._thread = threading.Thread(
      target=self._read, args=(iterator,), name='dataset', daemon=True
    )
    self._thread.start()

  def stop_when(self, should_stop: Callable[[], bool]) -> None:
    """From now on `next` raises StopIteration once `should_stop` is true."""
    self._should_stop = should_stop

  def __next__(self) -> T:
    while not self._should_stop():
      try:
        return self._queue.get(timeout=_POLL_SECONDS)
      except queue.Empty:
        if not self._thread.is_alive() and self._queue.empty():
          if self._error is not None:
            raise self._error from None
          break
    raise StopIteration

  def _read(self, iterator: Iterator[T]) -> None:
    try:
      for item in iterator:
        self._queue.put(item)
    except Exception as error:
      self._error = error


def make_replay_tables(
  config: experiment_lib.ExperimentConfig,
) -> list[reverb.Table]:
  """The replay node's tables."""
  resources.end_with_launcher()
  spec = config.make_spec()
  builder = config.make_agent().make_builder(spec, loggers_base.NoOpLogger)
  return builder.make_replay_tables(spec)


def _make_logger(
  config: experiment_lib.ExperimentConfig,
  role: str,
  steps_key: str = 'actor_steps',
  seconds: float = 0.0,
) -> loggers_base.Logger:
  """A node's logger; in a process of its own it prints its rows as well.

  To be called in the node's own thread, which alone knows how it was launched.
  """
  has_terminal = _runs_in_own_process()
  return loggers.make_logger(
    config.workdir,
    role,
    steps_key=steps_key,
    seconds=seconds,
    extra=[loggers.TerminalLogger(role)] if has_terminal else [],
  )


class LearnerNode:
  """Learns, and serves parameters to actors and evaluator."""

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    replay: reverb.Client,
    coordinator: Coordinator,
  ):
    """Makes the learner and restores its last checkpoint.

    Args:
      config: the run.
      replay: where to sample.
      coordinator: the counter node.
    """
    resources.end_with_launcher()
    self._config = config
    self._coordinator = coordinator
    self._logger = _make_logger(
      config, 'learner', steps_key='learner_steps', seconds=1.0
    )
    agent = config.make_agent()
    spec = config.make_spec()
    builder = agent.make_builder(spec, lambda: self._logger)
    self._dataset = StoppableIterator(builder.make_dataset_iterator(replay))
    self._learner = builder.make_learner(
      jax.random.PRNGKey(config.seed_of('learner')),
      agent.make_networks(spec),
      self._dataset,
      counter=counting.Counter(coordinator, 'learner'),
    )
    run_state.restore_learner(config.workdir, self._learner)

  def get_variables(self, names: list[str]) -> list[Any]:
    """Serves the learner's parameters."""
    return self._learner.get_variables(names)

  def run(self) -> None:
    """The node's main loop."""
    _Body('learner', self._config.workdir, self._learn).run_until_stop()

  def _learn(self, stopping: Callable[[], bool]) -> None:
    # Not before the actors: one that waits at the replay's limiter goes on only
    # if the learner takes samples.
    finishing = _Polled(self._coordinator.are_actors_done)
    self._dataset.stop_when(lambda: stopping() or finishing())
    last_save = time.monotonic()
    while True:
      try:
        self._learner.step()
      except StopIteration:
        break
      except Exception as error:
        if not stopping():
          raise
        # The nodes stop in any order, so that the counter may be gone in the
        # middle of a step. What was learnt is saved all the same.
        logging.info('The last step of the learner failed: %r', error)
        break
      if time.monotonic() - last_save > self._config.checkpoint_every:
        run_state.save_learner(self._config.workdir, self._learner)
        last_save = time.monotonic()
    run_state.save_learner(self._config.workdir, self._learner)
    self._logger.close()
    if stopping():
      return
    if not finishing():
      raise RuntimeError('Replay gave no more data before the run was over.')
    self._coordinator.report_done('learner')


class _Polled:
  """A question to another process, asked at most twice a second."""

  def __init__(self, ask: Callable[[], bool]):
    self._ask = ask
    self._answer = False
    self._asked = 0.0

  def __call__(self) -> bool:
    now = time.monotonic()
    if not self._answer and now - self._asked > 0.5:
      self._answer = self._ask()
      self._asked = now
    return self._answer


def run_actor(
  config: experiment_lib.ExperimentConfig,
  actor_id: int,
  replay: reverb.Client,
  learner: LearnerNode,
  coordinator: Coordinator,
) -> None:
  """The node of an actor: Algorithm 1 of the paper."""
  resources.end_with_launcher()
  role = f'actor_{actor_id}'
  logger = _make_logger(config, role)

  def act(stopping: Callable[[], bool]) -> None:
    environment = config.environment_factory(config.seed_of(role))
    agent = config.make_agent()
    spec = specs.make_environment_spec(environment)
    builder = agent.make_builder(spec, loggers_base.NoOpLogger)
    actor = builder.make_actor(
      jax.random.PRNGKey(config.seed_of(role)),
      agent.make_policy(agent.make_networks(spec)),
      builder.make_adder(replay),
      _as_variable_source(learner),
    )
    counter = counting.Counter(coordinator, 'actor', time_delta=0.0)
    loop = acting_loop.ActingLoop(environment, actor, counter, logger)
    finishing = _Polled(coordinator.should_finish)
    reported = None
    while not (stopping() or finishing()):
      loop.run_steps(_STEPS_BETWEEN_LOOKS, lambda: stopping() or finishing())
      if loop.last_return is not None and loop.last_return != reported:
        reported = loop.last_return
        coordinator.report_returns({'training_return': reported})
    logger.close()
    if not stopping():
      coordinator.report_done(role)

  _Body(role, config.workdir, act).run_until_stop()


def run_evaluator(
  config: experiment_lib.ExperimentConfig,
  learner: LearnerNode,
  coordinator: Coordinator,
) -> None:
  """The node of the evaluator: paced by the actors' steps, never busy."""
  resources.end_with_launcher()
  logger = _make_logger(config, 'evaluator')

  def evaluate_run(stopping: Callable[[], bool]) -> None:
    environment = config.environment_factory(config.seed_of('evaluator'))
    # With a longer period an update that waits would not always fetch.
    agent = agents.make_agent(
      dataclasses.replace(config.agent, variable_update_period=1)
    )
    spec = specs.make_environment_spec(environment)
    builder = agent.make_builder(spec, loggers_base.NoOpLogger)
    actor = builder.make_actor(
      jax.random.PRNGKey(config.seed_of('evaluator')),
      agent.make_evaluation_policy(agent.make_networks(spec)),
      variable_source=_as_variable_source(learner),
    )
    loop = acting_loop.ActingLoop(environment, actor, should_update=False)

    counts = coordinator.get_counts()

    def evaluate(num_episodes, should_stop):
      episodes = loop.run_episodes(num_episodes, should_stop)
      if not episodes:
        return
      row = evaluation.summarise(episodes, config.agent.discount)
      logger.write({'actor_steps': 0, 'learner_steps': 0, **counts, **row})
      if not stopping():
        coordinator.report_returns(
          {
            'evaluation_return': row['episode_return'],
            'evaluation_return_std': row['episode_return_std'],
          }
        )

    def take_variables():
      actor.update(wait=True)

    finishing = _Polled(coordinator.should_finish)
    next_evaluation = counts.get('actor_steps', 0)
    while not stopping() and not finishing():
      counts = coordinator.get_counts()
      steps = counts.get('actor_steps', 0)
      if steps >= next_evaluation:
        take_variables()
        evaluate(config.evaluation_episodes, lambda: stopping() or finishing())
        next_evaluation = (steps // config.eval_every + 1) * config.eval_every
      else:
        time.sleep(_POLL_SECONDS)
    while not stopping() and not coordinator.is_done('learner'):
      time.sleep(_POLL_SECONDS)
    if stopping():
      # The last evaluation in short, with the parameters at hand.
      deadline = time.monotonic() + _SHORT_EVALUATION_SECONDS
      evaluate(1, lambda: time.monotonic() > deadline)
    else:
      take_variables()
      counts = coordinator.get_counts()
      evaluate(config.evaluation_episodes, stopping)
    logger.close()
    if not stopping():
      coordinator.report_done('evaluator')

  _Body('evaluator', config.workdir, evaluate_run).run_until_stop()


def _as_variable_source(learner: LearnerNode) -> core.VariableSource:
  """A Courier client of the learner node, which has all that actors ask of."""
  return cast(core.VariableSource, learner)


def make_program(config: experiment_lib.ExperimentConfig) -> lp.Program:
  """Makes the Launchpad program of a run.

  Args:
    config: the run.

  Returns:
    A program with the groups replay, counter, learner, evaluator and actor.
  """
  program = lp.Program('quinoa')
  with program.group('replay'):
    replay = program.add_node(
      lp.ReverbNode(functools.partial(make_replay_tables, config))
    )
  with program.group('counter'):
    coordinator = program.add_node(lp.CourierNode(Coordinator, config))
  with program.group('learner'):
    learner = program.add_node(
      lp.CourierNode(LearnerNode, config, replay, coordinator)
    )
  with program.group('evaluator'):
    program.add_node(lp.PyNode(run_evaluator, config, learner, coordinator))
  with program.group('actor'):
    for i in range(config.num_actors):
      program.add_node(
        lp.PyNode(run_actor, config, i, replay, learner, coordinator)
      )
  return program


class ProgramError(RuntimeError):
  """A node failed, and the program was stopped."""


def launch(
  config: experiment_lib.ExperimentConfig, launch_type: str
) -> progress_lib.Status:
  """Runs the distributed program to its end.

  Each node of a multi-process launch writes what it prints to a file under
  `<workdir>/logs/nodes`, so that the terminal is left to the progress line.

  Args:
    config: the run.
    launch_type: 'local_mp', 'local_mt' or 'test_mt', as Launchpad has them.

  Returns:
    The run's status at its end.

  Raises:
    ProgramError: if a node failed, with the cause.
  """
  clear(config.workdir)
  program = make_program(config)
  # What Launchpad does with the terminal asked for below.
  run_locally._LOCAL_LAUNCHER_MAP['output_to_files'] = functools.partial(
    forking.start_nodes, program, pathlib.Path(config.workdir, 'logs', 'nodes')
  )
  temporary_dir = os.path.join(os.path.abspath(config.workdir), 'tmp')
  local_resources = {
    label: local_multi_processing.PythonProcess(
      env=resources.node_environment_of(label, temporary_dir)
    )
    for label in program.groups
  }
  terminal = sys.stdout
  with contextlib.ExitStack() as stack:
    stack.enter_context(_temporary_files_in(temporary_dir))
    # Launchpad prints where its files are, and counts the seconds at the end.
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    manager = lp.launch(
      program,
      launch_type=launch_type,
      terminal='output_to_files',
      local_resources=local_resources,
    )
    ended = threading.Event()
    watcher = threading.Thread(
      target=_watch, args=(config, terminal, ended), daemon=True
    )
    watcher.start()
    try:
      manager.wait()
    except Exception as error:
      manager.wait(raise_error=False)
      cause = read_failure(config.workdir)
      raise ProgramError(cause or _explain(error, config)) from error
    finally:
      ended.set()
      watcher.join()
  return _with_last_evaluation(config.workdir, read_status(config.workdir))


@contextlib.contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
  """Keeps temporary files in a folder that is gone when the program is.

  Launchpad removes its own at the interpreter's exit, which a node or a script
  that leaves at once does not come to, and Reverb does not remove its.
  """
  before = tempfile.tempdir
  # What a program that was killed has left.
  shutil.rmtree(folder, ignore_errors=True)
  os.makedirs(folder)
  tempfile.tempdir = folder
  try:
    yield
  finally:
    tempfile.tempdir = before
    shutil.rmtree(folder, ignore_errors=True)


def _with_last_evaluation(
  workdir: str, status: progress_lib.Status
) -> progress_lib.Status:
  """Adds what the evaluator wrote when it could no longer report."""
  path = pathlib.Path(workdir) / 'logs' / 'evaluator.csv'
  rows = loggers.read_rows(path) if path.exists() else []
  if not rows:
    return status
  return dataclasses.replace(
    status,
    evaluation_return=rows[-1]['episode_return'],
    evaluation_return_std=rows[-1]['episode_return_std'],
  )


def _explain(error: Exception, config: experiment_lib.ExperimentConfig) -> str:
  nodes = os.path.join(config.workdir, 'logs', 'nodes')
  return f'A node ended without a word: {error} What it printed is in {nodes}.'


def _watch(
  config: experiment_lib.ExperimentConfig,
  stream: TextIO,
  ended: threading.Event,
) -> None:
  """Shows the program's progress until it has ended."""
  progress = progress_lib.Progress(config.num_steps, stream)
  while not ended.wait(1.0):
    progress.show(read_status(config.workdir))
  progress.close()
