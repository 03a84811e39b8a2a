"""The program's counter: it counts, and ends the run."""

from collections.abc import Mapping
import dataclasses
import json
import os
import pathlib
import threading
from typing import Any

import launchpad as lp

from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.watching import progress as progress_lib
from quinoa_acme.runs.watching import running_time
from quinoa_acme.utils import counting

# Seconds that the nodes have to finish after the target is reached; then the
# program is stopped as failed.
_FINISH_SECONDS = 600.0
# Seconds between two checks of the run. A gap of more seconds than the second
# constant means that the process was stopped in between.
_LOOK_SECONDS = 1.0
_LONGEST_GAP = 5.0
_STATUS_FILE = 'status.json'


class Coordinator(counting.Counter):
  """Counts, and ends the run. The program's counter node.

  It is the parent of the other nodes' counters. Courier serves it, so any
  public method may be called from another process.
  """

  def __init__(self, config: experiment_lib.ExperimentConfig):
    """Resumes from the counts in the workdir, if there are any.

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
    self._reported: dict[str, Any] = {}
    self._finished = False

  def should_finish(self) -> bool:
    """Whether the actors have made all of the run's steps."""
    return self.get_counts().get('actor_steps', 0) >= self._config.num_steps

  def are_actors_done(self) -> bool:
    """Whether every actor has reported that it is done."""
    return not any(role.startswith('actor_') for role in self._waiting_for)

  def is_done(self, role: str) -> bool:
    """Whether a node has reported that it is done."""
    return role not in self._waiting_for

  def report_done(self, role: str) -> None:
    """Called by a node when it is done."""
    self._waiting_for.discard(role)

  def report(self, values: Mapping[str, Any]) -> None:
    """Called by a node with its measurements, named as in a `Status`."""
    self._reported = {**self._reported, **values}

  def run(self) -> None:
    """Watches the run until it ends; the node's main loop.

    Raises:
      TimeoutError: if a node does not finish after the target is reached.
    """
    with failures.reporting(self._config.workdir, 'counter'):
      self._run(lp.stop_event())

  def _run(self, stop: threading.Event) -> None:
    self._write()
    clock = running_time.RunningTime(_LONGEST_GAP)
    finish_by = None
    while not self._finished and not stop.wait(_LOOK_SECONDS):
      self._write()
      now = clock.look()
      if not self.should_finish():
        continue
      finish_by = finish_by or now + _FINISH_SECONDS
      if not self._waiting_for:
        self._finished = True
        self._write()
        lp.stop()
      elif now > finish_by:
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
  """Writes the run's status, for the launcher to show."""
  path = pathlib.Path(workdir) / _STATUS_FILE
  aside = path.with_suffix('.tmp')
  aside.write_text(json.dumps(dataclasses.asdict(status)) + '\n')
  os.replace(aside, path)


def read_status(workdir: str) -> progress_lib.Status:
  """Reads the run's status; without one, that of a run not yet begun."""
  path = pathlib.Path(workdir) / _STATUS_FILE
  if not path.exists():
    return progress_lib.Status()
  return progress_lib.Status(**json.loads(path.read_text()))


def clear(workdir: str) -> None:
  """Removes the status and failure of an earlier run in the same folder."""
  (pathlib.Path(workdir) / _STATUS_FILE).unlink(missing_ok=True)
  failures.clear(workdir)
