"""The distributed program: counter, learner, evaluator and actors.

The learner's process serves the replay too, but where a node can have only one
server.

Every node is a function of this package, so that the names that Acme needs are
bound first in each node's process, and takes the whole `ExperimentConfig`.

The run ends in order. When the actors' steps reach the target the counter tells
every node to finish: actors stop, the learner saves its last checkpoint and
goes on serving parameters, the evaluator makes the last evaluation with them;
and when all have said that they are done the counter stops the program. After a
SIGINT or SIGTERM the nodes do the same in short, without waiting for each
other.
"""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import functools
import io
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
from typing import TextIO

from absl import flags
from absl import logging
import launchpad as lp
from launchpad.launch import worker_manager
from launchpad.launch.run_locally import run_locally
from launchpad.nodes.python import local_multi_processing
from launchpad.nodes.reverb import node as reverb_node
import reverb

from quinoa_acme.runs import evaluation
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import stopping
from quinoa_acme.runs.checkpoints import remains
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.distributed import actor_node
from quinoa_acme.runs.distributed import coordinator as coordinator_lib
from quinoa_acme.runs.distributed import evaluator_node
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import forking
from quinoa_acme.runs.distributed import learner_node
from quinoa_acme.runs.distributed import node as node_lib
from quinoa_acme.runs.distributed import notices
from quinoa_acme.runs.distributed import replay_server
from quinoa_acme.runs.distributed import servers
from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import memory
from quinoa_acme.runs.watching import progress as progress_lib
from quinoa_acme.runs.watching import terminal as terminal_lib
from quinoa_acme.utils import resources

# Seconds after which Launchpad kills what is left, and the launcher with it,
# which then cannot say why. Nodes leave by themselves long before, but for a
# machine that has no time for them.
_NOTICE_SECONDS = 30
# The groups whose nodes are started again when they are killed.
_RESTARTED = ('actor', 'evaluator')


def _make_coordinator(
  config: experiment_lib.ExperimentConfig, begin: Callable[[], None] | None
) -> coordinator_lib.Coordinator:
  if begin is not None:
    begin()
  return coordinator_lib.Coordinator(config)


def _make_learner(
  config: experiment_lib.ExperimentConfig,
  replay: reverb.Client,
  coordinator: coordinator_lib.Coordinator,
) -> learner_node.LearnerNode:
  return learner_node.LearnerNode(
    config, replay_server.Replay(replay), coordinator
  )


def _make_learner_with_replay(
  config: experiment_lib.ExperimentConfig,
  address: lp.Address,
  coordinator: coordinator_lib.Coordinator,
) -> learner_node.LearnerNode:
  with node_lib.leaving_at_once():
    replay = replay_server.ReplayServer(config, servers.port_of(address))
  return learner_node.LearnerNode(config, replay, coordinator)


def make_program(
  config: experiment_lib.ExperimentConfig,
  begin: Callable[[], None] | None = None,
  *,
  has_replay_node: bool = False,
) -> lp.Program:
  """Makes the Launchpad program of a run.

  Args:
    config: the run.
    begin: what the counter does first, before any other node writes to the
      workdir; for programs whose launcher does not see that.
    has_replay_node: whether the replay is to have a node of its own, where a
      node can have one server only. The learner's node serves it otherwise.

  Returns:
    A program with the groups counter, learner, evaluator and actor, and perhaps
    replay.
  """
  program = lp.Program('quinoa')
  address = lp.Address(reverb_node.REVERB_PORT_NAME)
  if has_replay_node:
    with program.group('replay'):
      replay = program.add_node(replay_server.ReplayNode(config))
  else:
    replay = reverb_node.ReverbHandle(address)
  with program.group('counter'):
    coordinator = program.add_node(
      servers.ServedNode('counter', config, _make_coordinator, config, begin)
    )
  with program.group('learner'):
    if has_replay_node:
      node = servers.ServedNode(
        'learner', config, _make_learner, config, replay, coordinator
      )
    else:
      node = servers.ServedNode(
        'learner',
        config,
        _make_learner_with_replay,
        config,
        address,
        coordinator,
      )
      node.allocate_address(address)
    learner = program.add_node(node)
  with program.group('evaluator'):
    program.add_node(
      lp.PyNode(evaluator_node.run_evaluator, config, learner, coordinator)
    )
  with program.group('actor'):
    for i in range(config.num_actors):
      program.add_node(
        lp.PyNode(actor_node.run_actor, config, i, replay, learner, coordinator)
      )
  return program


def begin(config: experiment_lib.ExperimentConfig) -> int:
  """Makes the workdir ready for the nodes, before there are any.

  Args:
    config: the run.

  Returns:
    The environment steps that the program goes on from.

  Raises:
    checkpointing.CheckpointError: if the workdir is of a run in one process,
      none of its checkpoints is whole, or a part of its state is gone.
  """
  remains.check_program(config.workdir)
  begun_at, last_evaluation = _drop_rows(config)
  labels = ['learner', 'evaluator']
  labels += [f'actor_{i}' for i in range(config.num_actors)]
  for text in (
    *remains.describe_lost_logs(
      config.workdir, labels, begun_at, last_evaluation
    ),
    *remains.describe_lost_replay(
      config.workdir, config.replay_checkpoints, begun_at
    ),
  ):
    logging.warning('%s', text)
  coordinator_lib.clear(config.workdir)
  return begun_at


def _drop_rows(
  config: experiment_lib.ExperimentConfig,
) -> tuple[int, int]:
  """Drops the rows of steps that the program makes again.

  Not in the nodes: one that is started again in the middle of a program is not
  to drop what it wrote.

  Args:
    config: the run.

  Returns:
    The environment steps that the program goes on from, and the step of the
    last evaluation.
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
  return actor_steps, last_evaluation


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
  told = notices.Reader(config.workdir)
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
    if not flags.FLAGS.is_parsed():
      # Launchpad would look for its own in a command line that is another's, a
      # notebook's or a test's.
      flags.FLAGS(sys.argv[:1])
    # Launchpad calls the handler that it finds beside its own: that of a script
    # that has not begun yet would end the process.
    if threading.current_thread() is threading.main_thread():
      signal.signal(signal.SIGINT, signal.default_int_handler)
    manager = lp.launch(
      program,
      launch_type=launch_type,
      terminal='output_to_files',
      local_resources=local_resources,
    )
    stack.enter_context(stopping.hang_up_as_terminate())
    _wait(manager, config, begun_at, terminal, told)
  if failure := failures.read(config.workdir):
    # Of a node that could not save its state when it was told to stop.
    raise ProgramError(failure)
  return evaluation.with_last(config.workdir, _settle_counts(config.workdir))


def _settle_counts(workdir: str) -> progress_lib.Status:
  """Lets status and counts tell the learner's steps of its last checkpoint.

  The learner saves when the counter may have gone already.
  """
  counts = run_state.restore_counts(workdir)
  run_state.save_counts(workdir, counts)
  status = dataclasses.replace(
    coordinator_lib.read_status(workdir),
    learner_steps=int(counts.get('learner_steps', 0)),
  )
  coordinator_lib.write_status(workdir, status)
  return status


def _wait(
  manager: worker_manager.WorkerManager,
  config: experiment_lib.ExperimentConfig,
  begun_at: int,
  stream: TextIO,
  told: notices.Reader,
) -> None:
  """Shows the program's progress until its nodes have ended.

  Raises:
    ProgramError: if a node failed, with the cause.
  """
  ended = threading.Event()
  watcher = threading.Thread(
    target=_watch,
    args=(config, manager, begun_at, stream, told, ended),
    daemon=True,
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
    watcher.join(node_lib.GRACE_SECONDS)
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


def _explain(error: Exception, config: experiment_lib.ExperimentConfig) -> str:
  nodes = os.path.join(config.workdir, 'logs', 'nodes')
  return f'A node ended without a word: {error} What it printed is in {nodes}.'


def _watch(
  config: experiment_lib.ExperimentConfig,
  manager: worker_manager.WorkerManager,
  begun_at: int,
  stream: TextIO,
  told: notices.Reader,
  ended: threading.Event,
) -> None:
  """Shows the program's progress, and what its nodes tell, until it has ended.

  It logs the program's memory too.
  """

  def pids() -> dict[str, int]:
    nodes = manager.pids if isinstance(manager, forking.Manager) else {}
    return {'launcher': os.getpid(), **nodes}

  progress = progress_lib.Progress(config.num_steps, stream)
  memory_log = memory.MemoryLog(config.workdir, pids, begun_at)
  while not ended.wait(1.0):
    status = coordinator_lib.read_status(config.workdir)
    # A full disk ends the program by way of a node, which says so.
    with contextlib.suppress(OSError):
      status = memory_log.add_to(status)
    _show_notices(told, progress)
    progress.show(status)
  _show_notices(told, progress)
  progress.close()
  with contextlib.suppress(OSError):
    memory_log.close()


def _show_notices(
  told: notices.Reader, progress: progress_lib.Progress
) -> None:
  for text in told.read():
    # Not behind the line that is rewritten.
    progress.close()
    terminal_lib.say(f'warning: {text}', sys.stderr)
