"""Checks a run's folder for missing parts before the run resumes.

If a part of its state were missing, a run would start that part anew, resume
the others, and drop the rows of all steps that it seems to repeat. So a run
with incomplete state is refused, and other losses are reported.

Each part of the state is written before the first row that follows from it: a
run saves itself once at its very start.
"""

from collections.abc import Sequence
import pathlib

from quinoa_acme.runs.checkpoints import replay_checkpoints
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.watching import loggers
from quinoa_acme.utils import checkpointing


def check_run(workdir: str) -> None:
  """Refuses the folder of a run in one process that has lost its state.

  Args:
    workdir: the run's folder. A folder without a run, or with a run that has
      logged nothing, is accepted.

  Raises:
    checkpointing.CheckpointError: if its checkpoints are missing.
  """
  labels = ['learner', 'evaluator', 'actor_0']
  begun = [label for label in labels if _has_rows(workdir, label)]
  folder = run_folder.run_checkpoints(workdir)
  if begun and checkpointing.latest_step(folder) is None:
    _refuse(workdir, begun, [f'its checkpoints in {folder}'])


def check_program(workdir: str) -> None:
  """Refuses the folder of a distributed run that has lost some of its state.

  Args:
    workdir: as for `check_run`.

  Raises:
    checkpointing.CheckpointError: if parts of it are missing; names them all.
  """
  if run_folder.run_checkpoints(workdir).exists():
    return  # Another kind of run; reported where that is checked.
  begun = [
    path.stem
    for path in sorted(pathlib.Path(workdir, 'logs').glob('*.csv'))
    if path.stem in ('learner', 'evaluator') or path.stem.startswith('actor_')
    if _has_rows(workdir, path.stem)
  ]
  folder = run_folder.learner_checkpoints(workdir)
  saved = checkpointing.latest_step(folder)
  counts = run_state.counts_path(workdir)
  evaluated = run_state.evaluation_path(workdir)
  lost = []
  if saved is None and 'learner' in begun:
    lost.append(f"the learner's checkpoints in {folder}")
  if (begun or saved) and not counts.exists():
    lost.append(f'its counts, {counts}')
  if 'evaluator' in begun and not evaluated.exists():
    lost.append(f'the step of its last evaluation, {evaluated}')
  if lost:
    _refuse(workdir, begun, lost)


def describe_lost_logs(
  workdir: str, labels: Sequence[str], steps: int, last_evaluation: int
) -> list[str]:
  """Describes which logs of a run are missing, while its state is complete.

  Args:
    workdir: the run's folder.
    labels: of the logs that it has written.
    steps: the environment steps from which it resumes.
    last_evaluation: the step of its last evaluation, or `run_state.NEVER`.

  Returns:
    A sentence or two for each.
  """
  if not steps:
    return []
  folder = pathlib.Path(workdir, 'logs')
  gone = [label for label in labels if not (folder / f'{label}.csv').exists()]
  if (
    last_evaluation > run_state.NEVER
    and 'evaluator' not in gone
    and not _has_rows(workdir, 'evaluator')
  ):
    gone.append('evaluator')
  return [
    f'{folder / label}.csv is gone, or has lost its rows: those of the first '
    f'{steps:,} steps are missing from now on. The run continues.'
    for label in gone
  ]


def describe_lost_replay(
  workdir: str, option: replay_checkpoints.Option, steps: int
) -> list[str]:
  """Says so if a resumed run starts with an empty replay.

  Args:
    workdir: the run's folder.
    option: whether the run saves its replay.
    steps: the environment steps from which it resumes.

  Returns:
    Nothing, or a sentence.
  """
  saves = isinstance(option, replay_checkpoints.ReplayCheckpoints)
  if not (saves and steps) or replay_checkpoints.has_any(workdir):
    return []
  return [
    f'There is no checkpoint of the replay in '
    f'{replay_checkpoints.folder_of(workdir)}: the run resumes at step '
    f'{steps:,} with an empty replay.'
  ]


def _has_rows(workdir: str, label: str) -> bool:
  path = pathlib.Path(workdir, 'logs', f'{label}.csv')
  return path.exists() and loggers.has_rows(path)


def _refuse(workdir: str, begun: Sequence[str], lost: Sequence[str]) -> None:
  # If the run lost its logs too, there are no rows to name.
  rows = f' (there are rows of {", ".join(begun)})' if begun else ''
  raise checkpointing.CheckpointError(
    f'The run in {workdir} has begun{rows}, but lacks {" and ".join(lost)}. '
    'Restore what is missing, or give another workdir to begin anew.'
  )
