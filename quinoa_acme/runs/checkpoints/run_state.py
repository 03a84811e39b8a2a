"""The state that a run keeps on disk to resume later.

A run in one process keeps one checkpoint of everything, all from one moment. A
distributed run keeps its learner's checkpoints, and its counts.
"""

from collections.abc import Mapping
import json
import pathlib
from typing import Any

from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import core

# The step of the last evaluation if there was none.
NEVER = -1
# A run in one process also keeps its replay, which may be large.
_RUNS_KEPT = 2


class SavedRun:
  """What an earlier process saved of a run in one process, if anything."""

  def __init__(self, workdir: str):
    """Reads the last complete checkpoint.

    Args:
      workdir: the run's folder.

    Raises:
      checkpointing.CheckpointError: if all checkpoints are damaged, or they are
        of a distributed run.
    """
    if run_folder.learner_checkpoints(workdir).exists():
      raise checkpointing.CheckpointError(
        f'{workdir} is of a distributed run. Resume with --run_distributed, or '
        'give another workdir.'
      )
    self._checkpoint = checkpointing.read_latest(
      run_folder.run_checkpoints(workdir)
    )
    values = self._checkpoint.values if self._checkpoint else {}
    # Read here, because the keys of the counts are not known in advance.
    self.counts: dict[str, float] = json.loads(values.get("['counts']", '{}'))
    self.last_evaluation: int = values.get("['last_evaluation']", NEVER)

  def restore(self, like: Mapping[str, Any]) -> dict[str, Any] | None:
    """Restores the rest of the state.

    Args:
      like: its structure, as `checkpointing` takes it.

    Returns:
      The state, or None if nothing was saved.

    Raises:
      checkpointing.CheckpointError: if the state has another structure.
    """
    return self._checkpoint and self._checkpoint.restore(like, partial=True)


def save_run(
  workdir: str,
  state: Mapping[str, Any],
  counts: Mapping[str, float],
  last_evaluation: int,
) -> None:
  """Writes one checkpoint of a whole run in one process.

  Args:
    workdir: the run's folder.
    state: a tree of plain arrays and values.
    counts: the run's counts.
    last_evaluation: the step of the last complete evaluation.
  """
  checkpointing.save(
    run_folder.run_checkpoints(workdir),
    int(counts.get('actor_steps', 0)),
    {
      **state,
      'counts': json.dumps(dict(counts)),
      'last_evaluation': last_evaluation,
    },
    keep=_RUNS_KEPT,
  )


def save_learner(workdir: str, learner: core.Learner) -> None:
  """Writes a checkpoint of the learner's whole state."""
  state = learner.save()
  checkpointing.save(
    run_folder.learner_checkpoints(workdir), int(state.steps), state
  )


def restore_learner(workdir: str, learner: core.Learner) -> int:
  """Restores the learner from a run's last checkpoint, if there is one.

  Args:
    workdir: the run's folder.
    learner: a learner built from the same configuration.

  Returns:
    The number of SGD steps that the learner has made.

  Raises:
    checkpointing.CheckpointError: if there are checkpoints, but none fits.
  """
  like = learner.save()
  if checkpoint := checkpointing.read_latest(
    run_folder.run_checkpoints(workdir)
  ):
    state = checkpoint.restore({'learner': like}, partial=True)['learner']
  elif checkpoint := checkpointing.read_latest(
    run_folder.learner_checkpoints(workdir)
  ):
    state = checkpoint.restore(like)
  else:
    return 0
  learner.restore(state)
  return int(state.steps)


def learner_steps(workdir: str) -> int:
  """The SGD steps of the learner's last complete checkpoint, or 0."""
  checkpoint = checkpointing.read_latest(
    run_folder.learner_checkpoints(workdir)
  )
  return checkpoint.step if checkpoint else 0


def learner_saved_at(workdir: str) -> float:
  """When the learner was last saved, in seconds since the epoch, or 0."""
  return checkpointing.saved_at(run_folder.learner_checkpoints(workdir))


def save_counts(workdir: str, counts: Mapping[str, float]) -> None:
  """Writes the counts of a distributed run."""
  _write(counts_path(workdir), dict(counts))


def restore_counts(workdir: str) -> dict[str, float]:
  """Reads the counts that belong to the learner's last checkpoint.

  Raises:
    checkpointing.CheckpointError: if the folder is of a run in one process.
    run_folder.WorkdirError: if the file of the counts is damaged.
  """
  if run_folder.run_checkpoints(workdir).exists():
    raise checkpointing.CheckpointError(
      f'{workdir} is of a run in one process. Resume with '
      '--run_distributed=false, or give another workdir.'
    )
  path = counts_path(workdir)
  counts = _read_numbers(path) if path.exists() else {}
  steps = learner_steps(workdir)
  return {**counts, 'learner_steps': steps} if counts or steps else {}


def save_last_evaluation(workdir: str, steps: int) -> None:
  """Writes the step of a run's last complete evaluation."""
  _write(evaluation_path(workdir), {'actor_steps': steps})


def last_evaluation(workdir: str) -> int:
  """The step of a distributed run's last complete evaluation, or `NEVER`.

  Raises:
    run_folder.WorkdirError: if the file is damaged.
  """
  path = evaluation_path(workdir)
  if not path.exists():
    return NEVER
  return int(_read_numbers(path, 'actor_steps')['actor_steps'])


def _read_numbers(path: pathlib.Path, *names: str) -> dict[str, float]:
  """Reads a file of numbers by name; the given names must be in it."""
  plain = run_folder.read_json(path)
  for name in {*plain, *names}:
    if type(plain.get(name)) not in (int, float):
      raise run_folder.WorkdirError(
        f'{path} is not as a run writes it: its {name} is '
        f'{plain.get(name)!r}, not a number. Put the right file in its place, '
        'or give another folder.'
      )
  return plain


def _write(path: pathlib.Path, plain: Any) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  run_folder.write_json(path, plain)


def evaluation_path(workdir: str) -> pathlib.Path:
  """The file with the step of a distributed run's last evaluation."""
  return pathlib.Path(workdir) / 'checkpoints' / 'evaluation.json'


def counts_path(workdir: str) -> pathlib.Path:
  """The file with a distributed run's counts."""
  return pathlib.Path(workdir) / 'checkpoints' / 'counts.json'
