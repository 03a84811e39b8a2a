"""Processes that take turns, so that what else a machine does falls on all.

Each thing that is measured is a process of its own, with its own settings of
threads and its own packages. It works only when it is told to, one turn at a
time, and waits meanwhile. Standard library only: peers run it in environments
of their own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Worker:
  """A process that takes turns; use it as a context."""

  def __init__(
    self,
    name: str,
    command: Sequence[str],
    env: Mapping[str, str],
    log: pathlib.Path,
    cores: Collection[int] | None = None,
  ):
    """Starts the process.

    Args:
      name: for messages.
      command: runs a script that calls `Turns`.
      env: environment variables, on top of this process's.
      log: the file for all that it prints.
      cores: the processor's cores that it may use, all if None.
    """
    self._name = name
    self._log = log
    with log.open('w') as file:
      self._process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=file,
        env={**os.environ, **env},
        cwd=ROOT,
        text=True,
      )
    if cores is not None:
      # Long before it has threads, which take this over.
      os.sched_setaffinity(self._process.pid, cores)
    self._is_ready = False

  def take(self, **message: Any) -> Any:
    """Lets it work for a turn.

    Args:
      **message: says what to do.

    Returns:
      What it answers.

    Raises:
      RuntimeError: if it ended instead.
    """
    self.get_ready()
    assert self._process.stdin is not None
    # If it has ended, reading finds the end, and what it printed says why.
    with contextlib.suppress(BrokenPipeError):
      print(json.dumps(message), file=self._process.stdin, flush=True)
    return self._read()

  def get_ready(self) -> None:
    """Waits until it has imported and made all that it needs."""
    if not self._is_ready:
      self._read()
      self._is_ready = True

  def __enter__(self) -> 'Worker':
    return self

  def __exit__(self, *unused_args: object) -> None:
    self._process.kill()
    self._process.wait()
    for pipe in (self._process.stdin, self._process.stdout):
      assert pipe is not None
      # What was not yet sent has nobody to go to.
      with contextlib.suppress(BrokenPipeError):
        pipe.close()

  def _read(self) -> Any:
    assert self._process.stdout is not None
    line = self._process.stdout.readline()
    if not line:
      tail = self._log.read_text().splitlines()[-5:]
      raise RuntimeError(
        f'{self._name} ended in the middle. It printed last, in {self._log}:\n'
        + '\n'.join(tail)
      )
    return json.loads(line)


class Turns:
  """The worker's end: says that it is ready, waits, and answers."""

  def __init__(self):
    """Keeps the standard output for answers; what others print is a log."""
    self._output = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)

  def wait(self, answer: Any = None) -> dict[str, Any]:
    """Gives an answer, and waits for the next turn; ends when there is none."""
    print(json.dumps(answer), file=self._output, flush=True)
    line = sys.stdin.readline()
    if not line:
      os._exit(0)
    return json.loads(line)


class TurnsByStep:
  """Turns of so many environment steps, whatever acts and learns there.

  An environment calls `step` after each of its steps; a turn's answer is the
  seconds that it took, with all that went on between the steps.
  """

  def __init__(self, turns: Turns, steps_per_turn: int):
    """Makes it; the first call of `start` waits for the first turn."""
    self._turns = turns
    self._steps_per_turn = steps_per_turn
    self._steps = 0
    self._started: float | None = None

  def start(self) -> None:
    """To be called before a step: waits for a turn if there is none."""
    if self._started is None:
      self._turns.wait()
      self._started = time.perf_counter()

  def step(self) -> None:
    """To be called after a step; at the end of a turn waits for the next."""
    self._steps += 1
    if self._steps % self._steps_per_turn == 0:
      assert self._started is not None
      self._turns.wait(time.perf_counter() - self._started)
      self._started = time.perf_counter()


def alternate(
  measures: Mapping[str, Callable[[], float]], repeats: int
) -> dict[str, list[float]]:
  """Measures several things by turns.

  Every other round goes backwards, so that none always follows the same one.

  Args:
    measures: by name, what gives one sample.
    repeats: samples of each.

  Returns:
    The samples, in the order of the rounds, by name.
  """
  samples: dict[str, list[float]] = {name: [] for name in measures}
  for i in range(repeats):
    order = list(measures)
    for name in order if i % 2 == 0 else reversed(order):
      samples[name].append(measures[name]())
  return samples
