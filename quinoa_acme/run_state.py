"""What a run keeps on disk to go on later: learner, counts, and replay."""

from __future__ import annotations

from collections.abc import Mapping
import json
import os
import pathlib
from typing import Any, TYPE_CHECKING

from quinoa_acme import checkpointing

if TYPE_CHECKING:
  from acme import core

  from quinoa_acme import replay as replay_lib


def save_learner(workdir: str, learner: core.Learner) -> None:
  """Writes a checkpoint of the learner's whole state."""
  state = learner.save()
  checkpointing.save(_learner_dir(workdir), int(state.steps), state)


def restore_learner(workdir: str, learner: core.Learner) -> int:
  """Puts the last checkpoint, if there is one, into the learner.

  Args:
    workdir: the run's folder.
    learner: a learner built from the same configuration.

  Returns:
    The SGD steps that the learner has made.

  Raises:
    checkpointing.CheckpointError: if there are checkpoints, but none fits.
  """
  restored = checkpointing.restore_latest(
    _learner_dir(workdir), like=learner.save()
  )
  if restored is None:
    return 0
  step, state = restored
  learner.restore(state)
  return step


def restore_part(workdir: str, like: Any) -> tuple[int, Any]:
  """Reads a part of the learner's state, such as its policy.

  Args:
    workdir: the run's folder.
    like: the part, as `checkpointing` takes it.

  Returns:
    The SGD steps made, and the part.

  Raises:
    checkpointing.CheckpointError: if there is no checkpoint that is whole, or
      it has no such part.
  """
  restored = checkpointing.restore_latest(
    _learner_dir(workdir), like, partial=True
  )
  if restored is None:
    raise checkpointing.CheckpointError(
      f'{workdir} has no checkpoint yet: let the run train for a minute.'
    )
  return restored


def learner_steps(workdir: str) -> int:
  """The SGD steps of the last checkpoint, 0 where there is none."""
  return checkpointing.latest_step(_learner_dir(workdir)) or 0


def save_counts(workdir: str, counts: Mapping[str, float]) -> None:
  """Writes the counts in one step: the file is old or new, never half."""
  path = _counts_path(workdir)
  path.parent.mkdir(parents=True, exist_ok=True)
  aside = path.with_suffix('.tmp')
  aside.write_text(json.dumps(dict(counts)) + '\n')
  os.replace(aside, path)


def restore_counts(workdir: str) -> dict[str, float]:
  """Reads the counts that belong to the last checkpoint of the learner."""
  path = _counts_path(workdir)
  counts = json.loads(path.read_text()) if path.exists() else {}
  steps = learner_steps(workdir)
  return {**counts, 'learner_steps': steps} if counts or steps else {}


def save_replay(workdir: str, replay: replay_lib.TransitionReplay) -> None:
  """Writes the replay of a run in one process."""
  replay.save(_replay_path(workdir))


def restore_replay(workdir: str, replay: replay_lib.TransitionReplay) -> None:
  """Puts what `save_replay` wrote, if anything, into the replay."""
  if _replay_path(workdir).exists():
    replay.restore(_replay_path(workdir))


def _replay_path(workdir: str) -> pathlib.Path:
  return pathlib.Path(workdir) / 'checkpoints' / 'replay.npz'


def _learner_dir(workdir: str) -> pathlib.Path:
  return pathlib.Path(workdir) / 'checkpoints' / 'learner'


def _counts_path(workdir: str) -> pathlib.Path:
  return pathlib.Path(workdir) / 'checkpoints' / 'counts.json'
