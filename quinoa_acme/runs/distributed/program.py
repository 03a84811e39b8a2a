"""The distributed program: counter, learner, evaluator and actors.

The learner's process serves the replay too, unless a node can have only one
server.

Every node is a function of this package, so each node's process first binds the
names that Acme needs. Every node takes the whole `ExperimentConfig`.

The run ends in order. When the actors' steps reach the target, the counter
tells every node to finish: actors stop, the learner saves its last checkpoint
and continues to serve parameters, and the evaluator makes the last evaluation
with them. When all have reported that they are done, the counter stops the
program. After a SIGINT or SIGTERM the nodes do the same more briefly, without
waiting for each other.
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

# Here, so that the nodes, which are forks, have it.
from quinoa_acme.agents.common import reverb_replay  # noqa: F401
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
from quinoa_acme.runs.watching import services
from quinoa_acme.runs.watching import terminal as terminal_lib
from quinoa_acme.utils import resources

# Seconds after which Launchpad kills the remaining nodes, and the launcher with
# them, which then cannot say why. Nodes leave long before that by themselves,
# unless the machine has no time for them.
_NOTICE_SECONDS = 30
# The groups whose nodes are restarted when they are killed.
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
    replay = replay_server.ReplayServer(config, *servers.place_of(address))
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
    begin: the first call of the counter, before another node writes to the
      workdir; for programs whose launcher does not see the workdir.
    has_replay_node: whether the replay gets its own node, because a node can
      have only one server. Otherwise the learner's node serves it.

  Returns:
    A program with the groups counter, learner, evaluator and actor, and maybe
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
  """Prepares the workdir for the nodes, before there are any.

  Args:
    config: the run.

  Returns:
    The environment steps from which the program resumes.

  Raises:
    checkpointing.CheckpointError: if the workdir is of a run in one process,
    all
      its checkpoints are damaged, or a part of its state is missing.
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
  """Drops the rows of steps that the program repeats.

  The nodes do not do this: a node that is restarted during a program must not
  drop its own rows.

  Args:
    config: the run.

  Returns:
    The environment steps from which the program resumes, and the step of the
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


def launch(
  config: experiment_lib.ExperimentConfig, launch_type: str
) -> progress_lib.Status:
  """Runs the distributed program to its end.

  Each node of a multi-process launch prints to a file under
  `<workdir>/logs/nodes`, which leaves the terminal to the progress line.

  Args:
    config: the run.
    launch_type: 'local_mp', 'local_mt' or 'test_mt', as in Launchpad.

  Returns:
    The run's final status.

  Raises:
    failures.ProgramError: if a node failed, with the cause.
    checkpointing.CheckpointError: if the workdir is of a run in one process, or
      all its checkpoints are damaged.
  """
  begun_at = begin(config)
  told = notices.Reader(config.workdir)
  program = make_program(config)
  # What Launchpad does for the terminal option that is requested below.
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
    # Launchpad prints where its files are, and counts seconds at the end.
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    notice = flags.FLAGS['lp_termination_notice_secs']
    if not notice.present:
      notice.value = _NOTICE_SECONDS
    if not flags.FLAGS.is_parsed():
      # Launchpad would look for its flags in a command line that is another
      # program's, such as a notebook's or a test's.
      flags.FLAGS(sys.argv[:1])
    # Launchpad also calls the handler that it finds. A handler of a script that
    # has not begun yet would end the process.
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
    # From a node that could not save its state when it was told to stop.
    raise failures.ProgramError(failure)
  return evaluation.with_last(config.workdir, _settle_counts(config.workdir))


def _settle_counts(workdir: str) -> progress_lib.Status:
  """Updates status and counts to the learner steps of its last checkpoint.

  The learner may save after the counter has gone.
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
  """Shows the program's progress until its nodes end.

  Raises:
    failures.ProgramError: if a node failed, with the cause.
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
    # What peers of a lost node write follows from its loss.
    lost = manager.cause if isinstance(manager, forking.Manager) else None
    cause = lost or failures.read(config.workdir)
    raise failures.ProgramError(cause or _explain(error, config)) from error
  finally:
    ended.set()
    # TensorBoard's writer blocks forever once its disk was full.
    watcher.join(node_lib.GRACE_SECONDS)
    failures.close(config.workdir)


@contextlib.contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
  """Keeps temporary files in a folder that is removed with the program.

  Launchpad removes its own at the interpreter's exit, which a node or script
  that leaves at once does not reach. Reverb does not remove its own.
  """
  before = tempfile.tempdir
  # Left over from a program that was killed.
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
  return f'A node ended silently: {error} Its output is in {nodes}.'


def _watch(
  config: experiment_lib.ExperimentConfig,
  manager: worker_manager.WorkerManager,
  begun_at: int,
  stream: TextIO,
  told: notices.Reader,
  ended: threading.Event,
) -> None:
  """Shows the program's progress and its nodes' notices until it ends.

  It also logs the program's memory.
  """

  def pids() -> dict[str, int]:
    nodes = manager.pids if isinstance(manager, forking.Manager) else {}
    return {'launcher': os.getpid(), **nodes}

  progress = progress_lib.Progress(
    config.num_steps, stream, config.action_repeat
  )
  memory_log = memory.MemoryLog(
    config.workdir,
    pids,
    begun_at,
    config.action_repeat,
    services.TENSORBOARD in config.loggers,
  )
  while not ended.wait(1.0):
    status = coordinator_lib.read_status(config.workdir)
    # If the disk is full, a node ends the program and says so.
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
    # On a new line, not behind the progress line, which is rewritten.
    progress.close()
    terminal_lib.say(f'warning: {text}', sys.stderr)
