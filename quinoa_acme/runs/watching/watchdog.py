"""Detects an environment that hangs.

A hanging simulator would stop a run silently: the thread that waits for it can
do nothing. So another thread checks how long it has waited.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import os
import sys
import threading
from typing import Any

import dm_env

from quinoa_acme.environments import factory as factory_lib
from quinoa_acme.environments import wrappers as wrappers_base
from quinoa_acme.runs.watching import running_time
from quinoa_acme.runs.watching import terminal

_POLL_SECONDS = 0.2
# A longer gap, in seconds, between two checks means the process was stopped.
_LONGEST_GAP = 0.5


class HangError(TimeoutError):
  """An environment has not returned from a call for too long."""


class Watch:
  """Knows how long a node has been waiting for its environment.

  Time in which the process was stopped does not count.
  """

  def __init__(self, role: str, limit: float):
    """Makes a watch.

    Args:
      role: the node's name, for the message.
      limit: seconds that one call may take.
    """
    self._role = role
    self._limit = limit
    self._running_time = running_time.RunningTime(_LONGEST_GAP)
    self._call: tuple[str, float] | None = None

  @contextlib.contextmanager
  def waiting_for(self, call: str) -> Iterator[None]:
    """Enter it around a call; `call` is its name for the message."""
    self._call = (call, self._running_time.seconds)
    try:
      yield
    finally:
      self._call = None

  def check(self) -> None:
    """Raises a `HangError` if the current call has taken too long.

    One thread must call this several times per second.
    """
    now = self._running_time.look()
    call = self._call
    if call is None:
      return
    name, since = call
    seconds = now - since
    if seconds > self._limit:
      raise HangError(
        f'The environment of {self._role} has made no step for {seconds:.0f} '
        f's: its {name} does not come back. If it may take as long, raise '
        f'environment_timeout, which is {self._limit:g} s.'
      )

  def over(
    self, factory: Callable[[int], dm_env.Environment]
  ) -> Callable[[int], dm_env.Environment]:
    """A factory of the same environments, with every call watched."""
    return _WatchedFactory(factory, self)

  @contextlib.contextmanager
  def ending_the_process(self) -> Iterator[None]:
    """Ends this process with status 1 if an environment hangs in the block.

    For a process whose main thread is the waiting one: neither a signal nor an
    exception can interrupt a simulator's C++. The last line printed says why.
    """
    left = threading.Event()
    watcher = threading.Thread(target=self._end, args=(left,), daemon=True)
    watcher.start()
    try:
      yield
    finally:
      left.set()
      watcher.join()

  def _end(self, left: threading.Event) -> None:
    while not left.wait(_POLL_SECONDS):
      try:
        self.check()
      except HangError as error:
        terminal.say(f'\n{error}', sys.stderr)
        os._exit(1)


class _WatchedFactory:
  """Makes environments that a watch watches."""

  def __init__(
    self, factory: Callable[[int], dm_env.Environment], watch: Watch
  ):
    self._factory = factory
    self._watch = watch

  def __call__(self, seed: int) -> dm_env.Environment:
    with self._watch.waiting_for('constructor'):
      environment = self._factory(seed)
    return _WatchedEnvironment(environment, self._watch)

  def make_several(self, seeds: Sequence[int]) -> list[dm_env.Environment]:
    with self._watch.waiting_for('constructor'):
      environments = factory_lib.make_several(self._factory, seeds)
    return [_WatchedEnvironment(x, self._watch) for x in environments]


class _WatchedEnvironment(wrappers_base.EnvironmentWrapper):
  """Tells a watch when it waits for the environment."""

  def __init__(self, environment: dm_env.Environment, watch: Watch):
    super().__init__(environment)
    self._watch = watch

  def reset(self) -> dm_env.TimeStep:
    with self._watch.waiting_for('reset'):
      return self._environment.reset()

  def step(self, action: Any) -> dm_env.TimeStep:
    with self._watch.waiting_for('step'):
      return self._environment.step(action)

  def close(self) -> None:
    with self._watch.waiting_for('close'):
      self._environment.close()
