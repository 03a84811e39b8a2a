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
from typing import Any, cast, TextIO, TypeVar

from absl import flags
from absl import logging
from acme import core
from acme import specs
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import jax
import launchpad as lp
from launchpad import context as lp_context
from launchpad.launch import worker_manager
from launchpad.launch.run_locally import run_locally
from launchpad.nodes.courier import courier_utils
from launchpad.nodes.python import local_multi_processing
import reverb

from quinoa_acme import resources
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import evaluation
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import failures
from quinoa_acme.runs import forking
from quinoa_acme.runs import loggers
from quinoa_acme.runs import memory
from quinoa_acme.runs import progress as progress_lib
from quinoa_acme.runs import replay_checkpoints as replay_checkpoints_lib
from quinoa_acme.runs import run_state
from quinoa_acme.runs import sample_age
from quinoa_acme.runs import watchdog

# Seconds that a node has, after the program is told to stop, to leave what it
# is at.
_GRACE_SECONDS = 5.0
# Seconds after which Launchpad kills what is left, and the launcher with it,
# which then cannot say why. Nodes leave by themselves long before, but for a
# machine that has no time for them.
_NOTICE_SECONDS = 30
# Seconds between two looks of a waiting node.
_POLL_SECONDS = 0.2
# Seconds by which a node may hear of the program's stop later than its peers:
# what fails for want of a peer that has left already is no failure.
_SECONDS_BEHIND = 1.0
# Seconds that the nodes have to finish once the target is reached, before the
# program is stopped as failed.
_FINISH_SECONDS = 600.0
# Seconds for the last evaluation of a run that a signal stops.
_SHORT_EVALUATION_SECONDS = 4.0
# Seconds between two exchanges of counts between the learner and the counter:
# how far behind the actors' steps are in the learner's rows.
_SECONDS_BETWEEN_COUNTS = 0.25
# Seconds between two reports of the learner's for the progress line.
_REPORT_SECONDS = 1.0
# Environment steps of an actor between two looks at its last return.
_STEPS_BETWEEN_LOOKS = 100
# The groups whose nodes are started again when they are killed.
_RESTARTED = ('actor', 'evaluator')
_STATUS_FILE = 'status.json'

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
    super().__init__()
    self._config = config
    self.restore(
      {'counts': run_state.restore_counts(config.workdir), 'cache': {}}
    )
    self._waiting_for = {'learner', 'evaluator'} | {
      f'actor_{i}' for i in range(config.num_actors)
    }
    self._reported: dict[str, float | None] = {}
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

  def report(self, values: Mapping[str, float | None]) -> None:
    """A node tells what it has last measured, under the names of a `Status`."""
    self._reported = {**self._reported, **values}

  def run(self) -> None:
    """Watches the run to its end; the node's main loop.

    Raises:
      TimeoutError: if a node does not finish after the target is reached.
    """
    with failures.reporting(self._config.workdir, 'counter'):
      self._run(lp.stop_event())

  def _run(self, stop: threading.Event) -> None:
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
        raise TimeoutError(
          f'{", ".join(sorted(self._waiting_for))} did not finish within '
          f'{_FINISH_SECONDS:g} s of the last step. See their output in '
          f'{self._config.workdir}/logs/nodes.'
        )
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
        **self._reported,
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


def clear(workdir: str) -> None:
  """Removes the status and failure of an earlier run in the same folder."""
  (pathlib.Path(workdir) / _STATUS_FILE).unlink(missing_ok=True)
  failures.clear(workdir)


class _Body:
  """A node's work in a thread of its own, out of the way of signals.

  Reverb and Courier block in C++, where Python handles no signal. A node's own
  thread must stay free to see that the program stops, and to leave the work
  where it is if that does not notice.
  """

  def __init__(
    self,
    role: str,
    workdir: str,
    work: Callable[[Callable[[], bool]], None],
    check: Callable[[], None] = lambda: None,
  ):
    """Makes the body.

    Args:
      role: the node's name.
      workdir: the run's folder.
      work: the work; it is given a function that says whether the program is
        being stopped.
      check: called now and then beside the work; raises if that cannot go on.
    """
    self._role = role
    self._workdir = workdir
    self._work = work
    self._check = check
    self._stop = lp.stop_event()
    self._error: BaseException | None = None

  def run_until_stop(self) -> None:
    """Does the work, then waits for the end of the program.

    Raises:
      Exception: what the work or the check raised, after it is written down
        for the launcher.
    """
    thread = threading.Thread(target=self._run, name=self._role, daemon=True)
    thread.start()
    with failures.reporting(self._workdir, self._role):
      while not self._stop.wait(_POLL_SECONDS):
        self._check()
        if self._error is not None:
          raise self._error
    thread.join(_GRACE_SECONDS)
    _leave()

  def _run(self) -> None:
    try:
      self._work(self._stop.is_set)
    except Exception as error:
      # Once the program stops its servers go in any order, and what talks to
      # them fails as it must.
      if _stops_soon(self._stop.is_set):
        logging.info('%s stopped at: %r', self._role, error)
      else:
        self._error = error


def _stops_soon(stopping: Callable[[], bool]) -> bool:
  """Whether the program stops, which its other nodes may know before this."""
  deadline = time.monotonic() + _SECONDS_BEHIND
  while not stopping() and time.monotonic() < deadline:
    time.sleep(_POLL_SECONDS)
  return stopping()


def _runs_in_cloud() -> bool:
  launch_type = lp_context.get_context().launch_type
  return launch_type is lp_context.LaunchType.VERTEX_AI


def _runs_in_own_process() -> bool:
  launch_type = lp_context.get_context().launch_type
  return (
    launch_type is lp_context.LaunchType.LOCAL_MULTI_PROCESSING
    or _runs_in_cloud()
  )


def _leave() -> None:
  """Ends the node's process, if it has one, whatever its threads are at.

  Threads of Reverb's and TensorFlow's can keep an interpreter from going down,
  or crash it on the way.
  """
  if _runs_in_own_process():
    for flush in (logging.flush, sys.stdout.flush, sys.stderr.flush):
      # The disk that they print to may be full.
      with contextlib.suppress(OSError):
        flush()
    os._exit(0)


@contextlib.contextmanager
def _leaving_at_once() -> Iterator[None]:
  """A stop of the program ends the node's process in the middle of the block.

  For what takes long, and has nothing to lose yet.
  """
  if not _runs_in_own_process():
    yield
    return
  lp.register_stop_handler(_leave)
  try:
    yield
  finally:
    lp.unregister_stop_handler(_leave)


class StoppableIterator(Iterator[T]):
  """Reads an iterator ahead by one, and can be told to stop waiting for it.

  The dataset blocks in C++ for as long as the replay's limiter holds samples
  back; the learner must be able to leave it and save its state.
  """

  def __init__(self, make_iterator: Callable[[], Iterator[T]]):
    """Starts to read.

    Args:
      make_iterator: makes what to read, in a thread of its own, for that may
        block too.
    """
    self._should_stop: Callable[[], bool] = acting_loop.never
    self._queue: queue.Queue[Any] = queue.Queue(maxsize=1)
    self._error: Exception | None = None
    self._thread = threading.Thread(
      target=self._read, args=(make_iterator,), name='dataset', daemon=True
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

  def _read(self, make_iterator: Callable[[], Iterator[T]]) -> None:
    try:
      for item in make_iterator():
        self._queue.put(item)
    except Exception as error:
      self._error = error


def make_replay_tables(
  config: experiment_lib.ExperimentConfig,
) -> list[reverb.Table]:
  """The replay node's tables."""
  spec = config.make_spec()
  builder = config.make_agent().make_builder(spec, loggers_base.NoOpLogger)
  return builder.make_replay_tables(spec)


def _make_logger(
  config: experiment_lib.ExperimentConfig,
  role: str,
  last_step: float,
  prints: bool,
  steps_key: str = 'actor_steps',
  seconds: float = 0.0,
) -> loggers_base.Logger:
  """A node's logger; in a process of its own it prints its rows as well."""
  return loggers.make_logger(
    config.workdir,
    role,
    steps_key=steps_key,
    seconds=seconds,
    extra=[loggers.TerminalLogger(role)] if prints else [],
    last_step=last_step,
  )


def _wait_for_begin(coordinator: Coordinator) -> None:
  """In the cloud it is the counter that begins with the workdir."""
  if _runs_in_cloud():
    coordinator.get_counts()


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
    self._config = config
    self._coordinator = coordinator
    with _leaving_at_once():
      _wait_for_begin(coordinator)
      self._make_learner(replay)

  def _make_learner(self, replay: reverb.Client) -> None:
    config = self._config
    self._logger = _make_logger(
      config,
      'learner',
      last_step=run_state.learner_steps(config.workdir),
      prints=_runs_in_own_process(),
      steps_key='learner_steps',
      seconds=1.0,
    )
    agent = config.make_agent()
    spec = config.make_spec()
    builder = agent.make_builder(
      spec, lambda: sample_age.AgeLogger(self._logger, self._ages)
    )
    self._dataset = StoppableIterator(
      lambda: builder.make_dataset_iterator(replay)
    )
    self._ages = sample_age.SampleAges(self._dataset)
    self._learner = builder.make_learner(
      jax.random.PRNGKey(config.seed_of('learner')),
      agent.make_networks(spec),
      self._ages,
      counter=counting.Counter(
        self._coordinator, 'learner', time_delta=_SECONDS_BETWEEN_COUNTS
      ),
    )
    run_state.restore_learner(config.workdir, self._learner)

  def get_variables(self, names: list[str]) -> list[Any]:
    """Serves the learner's parameters, as NumPy arrays."""
    return jax.device_get(self._learner.get_variables(names))

  def run(self) -> None:
    """The node's main loop."""
    _Body('learner', self._config.workdir, self._learn).run_until_stop()

  def _learn(self, stopping: Callable[[], bool]) -> None:
    # Not before the actors: one that waits at the replay's limiter goes on only
    # if the learner takes samples.
    finishing = _Polled(self._coordinator.are_actors_done)
    self._dataset.stop_when(lambda: stopping() or finishing())
    last_save = last_report = time.monotonic()
    while True:
      try:
        self._learner.step()
        if time.monotonic() - last_report > _REPORT_SECONDS:
          self._coordinator.report({'sample_age': self._ages.last})
          last_report = time.monotonic()
      except StopIteration:
        break
      except Exception as error:
        if not _stops_soon(stopping):
          raise
        # The nodes stop in any order, so that the counter may be gone in the
        # middle of a step. What was learnt is saved all the same.
        logging.info('The last step of the learner failed: %r', error)
        break
      if time.monotonic() - last_save > self._config.checkpoint_every:
        run_state.save_learner(self._config.workdir, self._learner)
        last_save = time.monotonic()
    # What cannot be saved is said, though the program is being stopped.
    with failures.reporting(self._config.workdir, 'learner'):
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
  watch = watchdog.Watch(role, config.environment_timeout)
  prints = _runs_in_own_process()

  def act(stopping: Callable[[], bool]) -> None:
    # One that goes on, or comes in the place of another, is not to do again
    # what was done from the same seed.
    begun_at = int(coordinator.get_counts().get('actor_steps', 0))
    seed = config.seed_of(f'{role} from {begun_at}')
    logger = _make_logger(config, role, begun_at, prints)
    environment = watch.over(config.environment_factory)(seed)
    agent = config.make_agent()
    spec = specs.make_environment_spec(environment)
    builder = agent.make_builder(spec, loggers_base.NoOpLogger)
    actor = builder.make_actor(
      jax.random.PRNGKey(seed),
      agent.make_policy(agent.make_networks(spec)),
      builder.make_adder(
        _as_client(sample_age.StampingClient(replay, lambda: loop.steps_so_far))
      ),
      _as_variable_source(learner),
    )
    counter = counting.Counter(coordinator, 'actor', time_delta=0.0)
    loop = acting_loop.ActingLoop(environment, actor, counter, logger)
    finishing = _Polled(coordinator.should_finish)

    def is_over() -> bool:
      # What the actor has counted itself it needs not ask for.
      return stopping() or loop.steps_so_far >= config.num_steps or finishing()

    reported = None
    while not is_over():
      loop.run_steps(_STEPS_BETWEEN_LOOKS, is_over)
      if loop.last_return is not None and loop.last_return != reported:
        reported = loop.last_return
        coordinator.report({'training_return': reported})
    logger.close()
    if not stopping():
      coordinator.report_done(role)

  _Body(role, config.workdir, act, watch.check).run_until_stop()


def run_evaluator(
  config: experiment_lib.ExperimentConfig,
  learner: LearnerNode,
  coordinator: Coordinator,
) -> None:
  """The node of the evaluator: paced by the actors' steps, never busy."""
  resources.end_with_launcher()
  _wait_for_begin(coordinator)
  watch = watchdog.Watch('evaluator', config.environment_timeout)
  prints = _runs_in_own_process()

  def evaluate_run(stopping: Callable[[], bool]) -> None:
    watched = dataclasses.replace(
      config, environment_factory=watch.over(config.environment_factory)
    )
    _Evaluations(watched, learner, coordinator, prints).run(stopping)

  _Body('evaluator', config.workdir, evaluate_run, watch.check).run_until_stop()


class _Evaluations:
  """What the evaluator does: evaluations on the grid, and a last one."""

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    learner: LearnerNode,
    coordinator: Coordinator,
    prints: bool,
  ):
    self._config = config
    self._coordinator = coordinator
    self._last_evaluation = run_state.last_evaluation(config.workdir)
    self._logger = _make_logger(
      config, 'evaluator', self._last_evaluation, prints
    )
    self._evaluator = evaluation.Evaluator(
      config, config.make_spec(), _as_variable_source(learner)
    )

  def run(self, stopping: Callable[[], bool]) -> None:
    """Evaluates until the run ends, or the program stops."""
    config, coordinator = self._config, self._coordinator
    finishing = _Polled(coordinator.should_finish)
    while not stopping() and not finishing():
      steps = int(coordinator.get_counts().get('actor_steps', 0))
      if evaluation.is_due(self._last_evaluation, steps, config.eval_every):
        self._evaluate(lambda: stopping() or finishing(), stopping)
      else:
        time.sleep(_POLL_SECONDS)
    while not stopping() and not coordinator.is_done('learner'):
      time.sleep(_POLL_SECONDS)
    if not stopping():
      self._evaluate(stopping, stopping)
    self._logger.close()
    if not stopping():
      coordinator.report_done('evaluator')

  def _evaluate(
    self, should_leave: Callable[[], bool], stopping: Callable[[], bool]
  ) -> None:
    """Evaluates the learner's parameters of now, in short if it must stop."""
    num_episodes = self._config.evaluation_episodes
    counts = self._coordinator.get_counts()
    steps = int(counts.get('actor_steps', 0))
    self._evaluator.take_parameters()
    episodes = self._evaluator.run(steps, num_episodes, should_leave)
    is_whole = len(episodes) == num_episodes
    if not is_whole:
      if not stopping():
        return
      deadline = time.monotonic() + _SHORT_EVALUATION_SECONDS
      episodes = episodes or self._evaluator.run(
        steps, 1, lambda: time.monotonic() > deadline
      )
    if not episodes:
      return
    row = evaluation.summarise(episodes, self._config.agent.discount)
    self._logger.write({'actor_steps': 0, 'learner_steps': 0, **counts, **row})
    if is_whole:
      self._last_evaluation = steps
      run_state.save_last_evaluation(self._config.workdir, steps)
    if not stopping():
      self._coordinator.report(
        {
          'evaluation_return': row['episode_return'],
          'evaluation_return_std': row['episode_return_std'],
        }
      )


def _as_variable_source(learner: LearnerNode) -> core.VariableSource:
  """A Courier client of the learner node, which has all that actors ask of."""
  return cast(core.VariableSource, learner)


def _as_client(client: sample_age.StampingClient) -> reverb.Client:
  """A client that passes everything on to one of Reverb's."""
  return cast(reverb.Client, client)


class _ServedNode(lp.CourierNode):
  """Serves an object; what goes wrong on the way to that is written down."""

  def __init__(
    self,
    role: str,
    config: experiment_lib.ExperimentConfig,
    constructor: Callable[..., Any],
    *args: Any,
  ):
    super().__init__(constructor, *args)
    self._role = role
    self._workdir = config.workdir

  def run(self) -> None:
    resources.end_with_launcher()
    with failures.reporting(self._workdir, self._role):
      instance = self._construct_instance()
      port = _port_of(self.courier_address)
      self._server = courier_utils.make_courier_server(instance, port=port)
      self._server.Start()
      _restrict(self._role, port)
      try:
        instance.run()
      finally:
        # A server that goes while its peers still talk to it may block, where
        # no signal reaches the node; one goes with its process in any case.
        if not _runs_in_own_process():
          self._server.Stop()
          self._server.Join()
    _leave()


class _ReplayNode(lp.ReverbNode):
  """Serves the replay's tables, and saves them if the run wants that."""

  def __init__(self, config: experiment_lib.ExperimentConfig):
    super().__init__(functools.partial(make_replay_tables, config))
    self._config = config

  def run(self) -> None:
    resources.end_with_launcher()
    config = self._config
    with failures.reporting(config.workdir, 'replay'):
      match config.replay_checkpoints:
        case replay_checkpoints_lib.ReplayCheckpoints() as options:
          self._serve_and_save(options)
        case _:
          port = _port_of(self.reverb_address)
          self._server = reverb.Server(make_replay_tables(config), port)
          _restrict('replay', port)
          lp.wait_for_stop()
    _leave()

  def _serve_and_save(
    self, options: replay_checkpoints_lib.ReplayCheckpoints
  ) -> None:
    """Serves and, in another thread, which may block in Reverb, saves."""
    folder = replay_checkpoints_lib.folder_of(self._config.workdir)
    port = _port_of(self.reverb_address)
    # Kept, for a server that goes while its peers still talk to it may block.
    self._server = replay_checkpoints_lib.serve(
      functools.partial(make_replay_tables, self._config), port, folder
    )
    _restrict('replay', port)
    saver = replay_checkpoints_lib.Saver(options, folder)
    client, stop = self._server.localhost_client(), lp.stop_event()
    _Body(
      'replay', self._config.workdir, lambda _: saver.run(client, stop)
    ).run_until_stop()


def _port_of(address: lp.Address) -> int:
  return lp.get_port_from_address(address.resolve())


def _restrict(role: str, port: int) -> None:
  """Keeps a node's server to this machine, if all of the program is on it."""
  if _runs_in_cloud():
    return
  if not resources.serve_this_machine_only(port):
    logging.warning(
      'The server of the %s, at port %d, is open to the network: this kernel '
      'lets only root keep it to the loopback. Close the port in the firewall.',
      role,
      port,
    )


def _make_coordinator(
  config: experiment_lib.ExperimentConfig, begin: Callable[[], None] | None
) -> Coordinator:
  if begin is not None:
    begin()
  return Coordinator(config)


def make_program(
  config: experiment_lib.ExperimentConfig,
  begin: Callable[[], None] | None = None,
) -> lp.Program:
  """Makes the Launchpad program of a run.

  Args:
    config: the run.
    begin: what the counter does first, before any other node writes to the
      workdir; for programs whose launcher does not see that.

  Returns:
    A program with the groups replay, counter, learner, evaluator and actor.
  """
  program = lp.Program('quinoa')
  with program.group('replay'):
    replay = program.add_node(_ReplayNode(config))
  with program.group('counter'):
    coordinator = program.add_node(
      _ServedNode('counter', config, _make_coordinator, config, begin)
    )
  with program.group('learner'):
    learner = program.add_node(
      _ServedNode('learner', config, LearnerNode, config, replay, coordinator)
    )
  with program.group('evaluator'):
    program.add_node(lp.PyNode(run_evaluator, config, learner, coordinator))
  with program.group('actor'):
    for i in range(config.num_actors):
      program.add_node(
        lp.PyNode(run_actor, config, i, replay, learner, coordinator)
      )
  return program


def begin(config: experiment_lib.ExperimentConfig) -> int:
  """Makes the workdir ready for the nodes, before there are any.

  Args:
    config: the run.

  Returns:
    The environment steps that the program goes on from.

  Raises:
    checkpointing.CheckpointError: if the workdir is of a run in one process, or
      none of its checkpoints is whole.
  """
  begun_at = _drop_rows(config)
  clear(config.workdir)
  return begun_at


def _drop_rows(config: experiment_lib.ExperimentConfig) -> int:
  """Drops the rows of steps that the program makes again.

  Not in the nodes: one that is started again in the middle of a program is not
  to drop what it wrote.

  Args:
    config: the run.

  Returns:
    The environment steps that the program goes on from.
  """
  counts = run_state.restore_counts(config.workdir)
  actor_steps = int(counts.get('actor_steps', 0))
  last_evaluation = min(run_state.last_evaluation(config.workdir), actor_steps)
  run_state.save_last_evaluation(config.workdir, last_evaluation)
  last_steps = {
    'learner': ('learner_steps', counts.get('learner_steps', 0)),
    'evaluator': ('actor_steps', last_evaluation),
    **{
      f'actor_{i}': ('actor_steps', actor_steps)
      for i in range(config.num_actors)
    },
  }
  for label, (steps_key, last_step) in last_steps.items():
    table = pathlib.Path(config.workdir, 'logs', f'{label}.csv')
    loggers.drop_rows_after(table, steps_key, last_step)
  return actor_steps


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
    checkpointing.CheckpointError: if the workdir is of a run in one process, or
      none of its checkpoints is whole.
  """
  begun_at = begin(config)
  program = make_program(config)
  # What Launchpad does with the terminal asked for below.
  run_locally._LOCAL_LAUNCHER_MAP['output_to_files'] = functools.partial(
    forking.start_nodes,
    program,
    pathlib.Path(config.workdir, 'logs', 'nodes'),
    _RESTARTED,
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
    notice = flags.FLAGS['lp_termination_notice_secs']
    if not notice.present:
      notice.value = _NOTICE_SECONDS
    manager = lp.launch(
      program,
      launch_type=launch_type,
      terminal='output_to_files',
      local_resources=local_resources,
    )
    _wait(manager, config, begun_at, terminal)
  if failure := failures.read(config.workdir):
    # Of a node that could not save its state when it was told to stop.
    raise ProgramError(failure)
  return _with_last_evaluation(config.workdir, read_status(config.workdir))


def _wait(
  manager: worker_manager.WorkerManager,
  config: experiment_lib.ExperimentConfig,
  begun_at: int,
  stream: TextIO,
) -> None:
  """Shows the program's progress until its nodes have ended.

  Raises:
    ProgramError: if a node failed, with the cause.
  """
  ended = threading.Event()
  watcher = threading.Thread(
    target=_watch, args=(config, manager, begun_at, stream, ended), daemon=True
  )
  watcher.start()
  try:
    manager.wait()
  except Exception as error:
    manager.wait(raise_error=False)
    # What peers of a lost node write down follows from its loss.
    lost = manager.cause if isinstance(manager, forking.Manager) else None
    cause = lost or failures.read(config.workdir)
    raise ProgramError(cause or _explain(error, config)) from error
  finally:
    ended.set()
    # TensorBoard's writer blocks for ever once its disk was full.
    watcher.join(_GRACE_SECONDS)
    failures.close(config.workdir)


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
  manager: worker_manager.WorkerManager,
  begun_at: int,
  stream: TextIO,
  ended: threading.Event,
) -> None:
  """Shows the program's progress, and logs its memory, until it has ended."""

  def pids() -> dict[str, int]:
    nodes = manager.pids if isinstance(manager, forking.Manager) else {}
    return {'launcher': os.getpid(), **nodes}

  progress = progress_lib.Progress(config.num_steps, stream)
  memory_log = memory.MemoryLog(config.workdir, pids, begun_at)
  while not ended.wait(1.0):
    status = read_status(config.workdir)
    # A full disk ends the program by way of a node, which says so.
    with contextlib.suppress(OSError):
      status = memory_log.add_to(status)
    progress.show(status)
  progress.close()
  with contextlib.suppress(OSError):
    memory_log.close()
