"""The common code of the program's nodes: a body, and ways to leave it."""

from collections.abc import Callable, Iterator
from concurrent import futures
import contextlib
import functools
import os
import sys
import threading
import time
from typing import Any, cast, TypeVar

from absl import logging
import launchpad as lp
from launchpad import context as lp_context

from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.distributed import coordinator as coordinator_lib
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import launchers
from quinoa_acme.runs.distributed import notices
from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import running_time
from quinoa_acme.runs.watching import services
from quinoa_acme.utils import core
from quinoa_acme.utils import timers

# Seconds that a node has, after the program is told to stop, to leave its work.
GRACE_SECONDS = 5.0
# Seconds between two checks of a waiting node.
POLL_SECONDS = 0.2
# A node may hear of the program's stop this many seconds later than its peers.
# An error caused by a peer that has already left is not a failure.
_SECONDS_BEHIND = 1.0
# A longer gap, in seconds, between two checks means the process was stopped.
_LONGEST_GAP = 1.0

T = TypeVar('T')


class Body:
  """A node's work in a separate thread, out of the way of signals.

  Reverb and Courier block in C++, where Python handles no signal. So a node's
  main thread must stay free: it sees that the program stops, and abandons the
  work if the work does not notice.
  """

  def __init__(
    self,
    role: str,
    workdir: str,
    work: Callable[[Callable[[], bool]], None],
    check: Callable[[], None] = lambda: None,
    seconds_to_save: float | None = None,
    grace_seconds: float | None = None,
  ):
    """Makes the body.

    Args:
      role: the node's name.
      workdir: the run's folder.
      work: the work; its argument is a function that says whether the program
        is stopping.
      check: called from time to time during the work; raises if the work cannot
        continue.
      seconds_to_save: seconds that the work may take to end after it is told to
        stop, or the check raised. Longer is a failure, because unsaved state is
        lost. None if there is nothing to lose, so the work can be abandoned in
        any state.
      grace_seconds: seconds after which work with nothing to lose is abandoned;
        `GRACE_SECONDS` if None.
    """
    self._role = role
    self._workdir = workdir
    self._work = work
    self._check = check
    self._seconds_to_save = seconds_to_save
    self._grace_seconds = (
      GRACE_SECONDS if grace_seconds is None else grace_seconds
    )
    self._stop = lp.stop_event()
    self._is_checked = True
    self._error: BaseException | None = None

  def run_until_stop(self) -> None:
    """Does the work, then waits for the end of the program.

    Raises:
      TimeoutError: if the work has something to save, and does not end in time.
      Exception: an exception of the work or the check. Either is written down
        for the launcher.
    """
    thread = threading.Thread(target=self._run, name=self._role, daemon=True)
    thread.start()
    with failures.reporting(self._workdir, self._role):
      while not self._stop.wait(POLL_SECONDS):
        self._do_check(thread)
        if self._error is not None:
          raise self._error
      _join(thread, self._seconds_to_save or self._grace_seconds)
      if thread.is_alive() and self._seconds_to_save is not None:
        raise TimeoutError(
          f'It did not end within {self._seconds_to_save:g} s of being told to '
          'stop. What it did since its last checkpoint is lost.'
        )
    leave()

  def _do_check(self, thread: threading.Thread) -> None:
    try:
      self._check()
    except Exception:
      self._is_checked = False
      _join(thread, self._seconds_to_save or 0.0)
      raise

  def _should_stop(self) -> bool:
    return self._stop.is_set() or not self._is_checked

  def _run(self) -> None:
    try:
      self._work(self._should_stop)
    except Exception as error:
      # When the program stops, its servers leave in any order, and calls to
      # them fail, as expected.
      if stops_soon(self._should_stop):
        logging.info('%s stopped at: %r', self._role, error)
      else:
        self._error = error


def _join(thread: threading.Thread, seconds: float) -> None:
  """Waits for a thread for this many seconds of the process's own running."""
  clock = running_time.RunningTime(_LONGEST_GAP)
  while thread.is_alive() and (left := seconds - clock.look()) > 0:
    thread.join(min(left, POLL_SECONDS))


def stops_soon(stopping: Callable[[], bool]) -> bool:
  """Whether the program is stopping, which other nodes may know earlier."""
  deadline = time.monotonic() + _SECONDS_BEHIND
  while not stopping() and time.monotonic() < deadline:
    time.sleep(POLL_SECONDS)
  return stopping()


def runs_in_cloud() -> bool:
  """Whether the program's nodes run on other machines than the launcher."""
  launch_type = lp_context.get_context().launch_type
  return launch_type.value in launchers.LAUNCH_TYPES


def runs_in_own_process() -> bool:
  """Whether this node has a process to itself."""
  launch_type = lp_context.get_context().launch_type
  return (
    launch_type is lp_context.LaunchType.LOCAL_MULTI_PROCESSING
    or runs_in_cloud()
  )


def make_teller(
  config: experiment_lib.ExperimentConfig,
) -> Callable[[str], None]:
  """Makes a function that warns on the terminal, from any node's process.

  Args:
    config: the run.

  Returns:
    A function of the warning, which any thread may call. Make it in the
    node's main thread, the only one that Launchpad knows.
  """
  is_read = runs_in_own_process()
  return functools.partial(notices.tell, config.workdir, is_read=is_read)


def leave() -> None:
  """Ends the node's process, if it has one, whatever its threads are doing.

  Threads of Reverb and TensorFlow can keep an interpreter from shutting down,
  or crash it.
  """
  if runs_in_own_process():
    for flush in (logging.flush, sys.stdout.flush, sys.stderr.flush):
      # The disk of their output may be full.
      with contextlib.suppress(OSError):
        flush()
    os._exit(0)


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
  """Lets a stop of the program end the node's process during the block.

  For slow work that has nothing to lose yet.
  """
  if not runs_in_own_process():
    yield
    return
  lp.register_stop_handler(leave)
  try:
    yield
  finally:
    lp.unregister_stop_handler(leave)


class UnansweredError(ConnectionError):
  """A call was abandoned because the program stops."""


def make_leavable(client: T, stopping: Callable[[], bool]) -> T:
  """Wraps a client of another node: its calls end when the program stops.

  Courier waits for an answer forever, even if the other node is gone. When a
  program stops, its nodes leave in any order; a node that still has something
  to save must not wait for one that has left.

  Args:
    client: Courier's client.
    stopping: whether the program is stopping.

  Returns:
    A client whose calls raise an `UnansweredError` if there is no answer and
    the program stops.
  """
  return cast(T, _LeavableClient(client, stopping))


class _LeavableClient:
  def __init__(self, client: Any, stopping: Callable[[], bool]):
    self._client = client
    self._stopping = stopping

  def __getattr__(self, method: str) -> Callable[..., Any]:
    call = getattr(self._client.futures, method)

    def wait_for_answer(*args: Any, **kwargs: Any) -> Any:
      answer = call(*args, **kwargs)
      while True:
        # Try once more after the stop: a peer that is still there answers.
        is_last = self._stopping()
        try:
          return answer.result(timeout=POLL_SECONDS)
        except futures.TimeoutError:
          if is_last:
            answer.cancel()
            raise UnansweredError(
              f'No answer to {method}, and the program stops.'
            ) from None

    return wait_for_answer


class Polled:
  """A question to another process, asked at most twice a second."""

  def __init__(self, ask: Callable[[], bool]):
    """Wraps `ask`; once it answers yes, it stays yes."""
    self._ask = ask
    self._answer = False
    self._timer = timers.Timer(0.5, is_over=True)

  def __call__(self) -> bool:
    """The last answer."""
    if not self._answer and self._timer.is_over():
      self._timer.restart()
      self._answer = self._ask()
    return self._answer


def make_logger(
  config: experiment_lib.ExperimentConfig,
  role: str,
  last_step: float,
  prints: bool,
  steps_key: str = 'actor_steps',
  seconds: float = 0.0,
) -> core.Logger:
  """A node's logger; in a separate process it also prints its rows."""
  return loggers.make_logger(
    config.workdir,
    role,
    steps_key=steps_key,
    seconds=seconds,
    extra=[loggers.TerminalLogger(role)] if prints else [],
    last_step=last_step,
    action_repeat=config.action_repeat,
    tensorboard=services.TENSORBOARD in config.loggers,
  )


def wait_for_begin(coordinator: coordinator_lib.Coordinator) -> None:
  """Waits for the counter, which prepares the workdir if on the cloud."""
  if runs_in_cloud():
    coordinator.get_counts()


def as_variable_source(learner: Any) -> core.VariableSource:
  """A Courier client of the learner node, which has all that actors need."""
  return cast(core.VariableSource, learner)
