"""Starts the nodes of a program as forks of the launcher.

Launchpad starts an interpreter for each node, and each imports TensorFlow, JAX
and Acme again: on two cores it takes half a minute until six nodes work. The
launcher has already imported all of it. A fork of the launcher works at once,
and shares the memory of the imported code.

A fork has only the thread that made it. Locks held by other threads stay locked
in it forever. So a launcher with threads, such as those of a JAX that has been
used, starts interpreters as Launchpad does. See
docs/decisions/0005-how-a-program-ends.md.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import sys
import traceback
from typing import Any

import jax
import launchpad as lp
from launchpad.launch import worker_manager
from launchpad.launch.local_multi_processing import commands as lp_commands

from quinoa_acme.runs import stopping
from quinoa_acme.runs.distributed import supervision
from quinoa_acme.runs.watching import terminal


def can_fork() -> bool:
  """Whether this process has only one thread."""
  return len(os.listdir('/proc/self/task')) == 1


class Fork(subprocess.Popen):
  """A fork of this process that runs one function and then ends.

  It is a `Popen` because Launchpad watches and signals those.
  """

  def __init__(
    self,
    function: Callable[[], Any],
    env: Mapping[str, str],
    output: pathlib.Path,
  ):
    """Forks the process.

    Args:
      function: the function to run in the fork.
      env: environment variables for it, in addition to this process's.
      output: the file for its output.
    """
    self._function = function
    self._env = env
    self._output = output
    super().__init__([str(function)])

  def _execute_child(self, *unused_args: Any) -> None:
    for stream in (sys.stdout, sys.stderr):
      terminal.write('', stream)
    self.pid = os.fork()
    if self.pid == 0:
      self._run()
    self._child_created = True

  def _run(self) -> None:
    status = 1
    try:
      _print_to(self._output)
      _forget_signal_handlers()
      _set_environment(self._env)
      self._function()
      status = 0
    except BaseException:
      # The disk of its output may be full.
      with contextlib.suppress(OSError):
        traceback.print_exc()
    finally:
      # Skip the launcher's own exit handlers.
      for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
          stream.flush()
      os._exit(status)


def _print_to(path: pathlib.Path) -> None:
  with path.open('a') as file:
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
  how: Any = {'mode': 'w', 'closefd': False, 'errors': 'backslashreplace'}
  sys.stdout = os.fdopen(1, **how)
  sys.stderr = os.fdopen(2, buffering=1, **how)


def _forget_signal_handlers() -> None:
  for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGALRM):
    signal.signal(number, signal.SIG_DFL)
  signal.signal(signal.SIGINT, signal.default_int_handler)
  # The node's manager is then the first one in its process, which is the one
  # that handles the signals.
  worker_manager._HAS_MAIN_MANAGER = False
  worker_manager._SIGNAL_HANDLERS = None


def _set_environment(env: Mapping[str, str]) -> None:
  os.environ.update(env)
  # JAX read its variables when the launcher imported it.
  for name in env:
    if name.startswith('JAX_'):
      before = getattr(jax.config, name.lower())
      match before:
        case bool():
          value = env[name] not in ('', '0', 'false')
        case None:
          value = env[name]
        case _:
          value = type(before)(env[name])
      jax.config.update(name.lower(), value)


class Manager(worker_manager.WorkerManager):
  """Launchpad's manager, for processes that have already been started."""

  def __init__(self):
    """Makes a manager without processes."""
    super().__init__()
    # Launchpad's signal handlers set it.
    self._stop_event = stopping.StopEvent()
    self._processes: list[supervision.SupervisedProcess] = []

  @property
  def cause(self) -> str | None:
    """Which process was lost, if a loss ended the program."""
    return next((x.cause for x in self._processes if x.cause), None)

  @property
  def pids(self) -> dict[str, int]:
    """The running processes, by their nodes' names."""
    return {x.role: x.pid for x in self._processes}

  def adopt(self, name: str, process: supervision.SupervisedProcess) -> None:
    """Watches a process of the program from now on."""
    process.is_stopping = self.stop_event().is_set
    self._processes.append(process)
    with self._mutex:
      self._workers_count[name] += 1
      self._active_workers[name].append(process)


def start_nodes(
  program: lp.Program,
  folder: pathlib.Path,
  restarted: Collection[str],
  commands: Sequence[lp_commands.Command],
) -> Manager:
  """Starts the nodes of a program that is ready to run.

  Args:
    program: the program, whose nodes have their addresses.
    folder: for the nodes' output, one file per node, named by its title.
    restarted: the groups whose nodes are restarted when they are killed.
    commands: for each node, the command that Launchpad would execute.

  Returns:
    A manager for the nodes' processes.
  """
  nodes = [
    (group, node) for group, nodes in program.groups.items() for node in nodes
  ]
  processes = []
  for (group, node), command in zip(nodes, commands, strict=True):
    output = folder / command.title
    output.parent.mkdir(parents=True, exist_ok=True)
    output.unlink(missing_ok=True)
    processes.append(
      supervision.SupervisedProcess(
        # The names that the nodes use themselves.
        command.title.replace('/', '_') if group == 'actor' else group,
        functools.partial(_start, node, command, output),
        can_restart=group in restarted,
      )
    )
  # Only now, so that no fork inherits its signal handlers.
  manager = Manager()
  for process, command in zip(processes, commands, strict=True):
    manager.adopt(command.title, process)
  return manager


def _start(
  node: Any, command: lp_commands.Command, output: pathlib.Path
) -> subprocess.Popen:
  if can_fork():
    return Fork(lambda: _run_node(node), command.env_overrides, output)
  with output.open('a') as file:
    return subprocess.Popen(
      command.command_as_list,
      env={**os.environ, **command.env_overrides},
      stdout=file,
      stderr=file,
    )


def _run_node(node: Any) -> None:
  """Does what Launchpad's script does in a node's interpreter."""
  manager = worker_manager.WorkerManager(register_in_thread=True)
  # Ctrl-C sends SIGINT to all, and then the launcher sends SIGTERM.
  manager._stop_event = stopping.StopEvent()
  node.function()
