"""Sweeps: many runs from one committed file, and their results.

A sweep is a JSON file,

  {"runs": [{"agent": "quinoa", "preset": "default", "num_steps": 100000,
             "env_names": ["control:walker:walk"], "seeds": [0, 1, 2]}, ...]}

where an entry stands for one run per environment and seed, on one core and in
one process. With an `action_repeat` its steps are of so many frames. It may
have `flags`, further flags of `quinoa train`. It then needs a `variant`, a name
for the preset with these flags. If the flags include `run_distributed`, a run
is a program of several processes on its core. The file may name a `table`,
which it can share with other sweeps: a run that is in the table is done,
whichever sweep made it.

`sweep_runner.py` makes the runs.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import json
import os
import pathlib
import re
import sys
from typing import Any

from quinoa_acme.environments import action_repeat as action_repeat_lib
from quinoa_acme.runs import running
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import soundness

_KEYS = {
  'agent',
  'preset',
  'variant',
  'env_names',
  'seeds',
  'num_steps',
  'eval_every',
  'evaluation_episodes',
  'action_repeat',
  'flags',
}


@dataclasses.dataclass(frozen=True)
class Run:
  """One run of a sweep.

  Attributes:
    agent: a key of `running.PRESETS`.
    preset: the agent's preset.
    env_name: e.g. 'control:walker:walk'.
    seed: for everything random.
    num_steps: environment steps, each of `action_repeat` frames.
    variant: a name for the preset with the flags, or ''.
    eval_every: environment steps between evaluations.
    evaluation_episodes: episodes per evaluation.
    action_repeat: frames of the environment in a step.
    flags: further flags of `quinoa train`, as (name, value).
  """

  agent: str
  preset: str
  env_name: str
  seed: int
  num_steps: int
  variant: str = ''
  eval_every: int = 10_000
  evaluation_episodes: int = 10
  action_repeat: int = 1
  flags: tuple[tuple[str, str], ...] = ()

  def __post_init__(self):
    if self.preset not in running.PRESETS.get(self.agent, {}):
      known = {name: list(value) for name, value in running.PRESETS.items()}
      raise ValueError(
        f'no preset {self.preset!r} of agent {self.agent!r}; there are {known}.'
      )
    action_repeat_lib.check(self.action_repeat)
    if 'action_repeat' in dict(self.flags):
      raise ValueError(
        'action_repeat is no flag of a run, whose rows would lack their frames:'
        ' write it beside "num_steps", not in "flags".'
      )
    if bool(self.flags) != bool(self.variant):
      raise ValueError(
        'a run needs a variant, to tell it from its preset, exactly if it has '
        f'flags, but has variant {self.variant!r} and flags {self.flags}.'
      )

  @property
  def preset_name(self) -> str:
    """The preset, with the variant if there is one."""
    return f'{self.preset}/{self.variant}' if self.variant else self.preset

  @property
  def environment(self) -> str:
    """The environment's name without its suite, e.g. 'walker-walk'."""
    task = '-'.join(self.env_name.split(':')[1:])
    # It names a folder, and arguments may hold anything.
    return re.sub(r'[^\w./=-]+', '_', task).strip('_')

  @property
  def task(self) -> str:
    """The environment, with the action repeat if it is not 1."""
    return results.name_task(self.environment, self.action_repeat)

  @property
  def curve(self) -> results.Curve:
    """What the run shares with runs of other seeds."""
    return self.agent, self.preset_name, self.task

  @property
  def label(self) -> str:
    """A name for the run's folder."""
    preset = self.preset_name.replace('/', '-')
    repeat = f'-repeat{self.action_repeat}' if self.action_repeat > 1 else ''
    return f'{self.agent}-{preset}-{self.environment}{repeat}-seed{self.seed}'

  def command(self, workdir: pathlib.Path) -> list[str]:
    """The command that makes or resumes the run."""
    return [
      *(sys.executable, '-m', 'quinoa_acme', 'train'),
      f'--agent={self.agent}',
      '--run_distributed=false',
      f'--preset={self.preset}',
      f'--env_name={self.env_name}',
      f'--seed={self.seed}',
      f'--num_steps={self.num_steps}',
      f'--eval_every={self.eval_every}',
      f'--evaluation_episodes={self.evaluation_episodes}',
      f'--action_repeat={self.action_repeat}',
      f'--workdir={workdir}',
      *(f'--{name}={value}' for name, value in self.flags),
    ]


@dataclasses.dataclass(frozen=True)
class Sweep:
  """Runs that belong together.

  Attributes:
    name: the file's name, without its extension.
    table: the name of the table of their results.
    runs: the runs, in the file's order.
  """

  name: str
  table: str
  runs: tuple[Run, ...]


def read(path: str | os.PathLike[str]) -> Sweep:
  """Reads a sweep.

  Args:
    path: the JSON file.

  Returns:
    The sweep.

  Raises:
    ValueError: if the file is not a sweep; says which entry is wrong.
  """
  path = pathlib.Path(path)
  content = json.loads(path.read_text())
  unknown = set(content) - {'runs', 'table'}
  if unknown or 'runs' not in content:
    raise ValueError(
      f'{path} is no sweep: it must have "runs" and may have "table", but has '
      f'{sorted(content)}.'
    )
  runs: list[Run] = []
  for i, entry in enumerate(content['runs']):
    try:
      runs += _expand(entry)
    except (KeyError, TypeError, ValueError) as error:
      raise ValueError(f'{path}, entry {i}: {error!r}') from error
  labels = [run.label for run in runs]
  twice = sorted({label for label in labels if labels.count(label) > 1})
  if twice:
    raise ValueError(f'{path} has runs twice: {", ".join(twice)}.')
  return Sweep(path.stem, content.get('table', path.stem), tuple(runs))


def _expand(entry: Mapping[str, Any]) -> list[Run]:
  unknown = set(entry) - _KEYS
  if unknown:
    raise ValueError(f'unknown {sorted(unknown)}; known are {sorted(_KEYS)}')
  flags = tuple((name, str(x)) for name, x in entry.get('flags', {}).items())
  options = {
    key: entry[key]
    for key in (
      'variant',
      'eval_every',
      'evaluation_episodes',
      'action_repeat',
    )
    if key in entry
  }
  return [
    Run(
      agent=entry['agent'],
      preset=entry['preset'],
      env_name=env_name,
      seed=seed,
      num_steps=entry['num_steps'],
      flags=flags,
      **options,
    )
    for env_name in entry['env_names']
    for seed in entry['seeds']
  ]


def rows_of(run: Run, workdir: pathlib.Path) -> list[dict[str, Any]]:
  """The results of a run so far, one row per evaluation.

  Args:
    run: the run.
    workdir: its folder.

  Returns:
    Rows with the columns `results.COLUMNS`, and the action repeat.
  """
  evaluations = workdir / 'logs' / 'evaluator.csv'
  if not evaluations.exists():
    return []
  config = json.loads((workdir / 'config.json').read_text())
  return [
    {
      'agent': run.agent,
      'preset': run.preset_name,
      'task': run.environment,
      'action_repeat': run.action_repeat,
      'seed': run.seed,
      'actor_steps': int(row['actor_steps']),
      'learner_steps': int(row['learner_steps']),
      'wall_clock': round(_seconds(row), 1),
      'return': round(row['episode_return'], 2),
      'evaluation': config['evaluation'],
      'version': config['version'],
      'commit': config['commit'],
    }
    for row in loggers.read_rows(evaluations)
    # A stopped run makes a short last evaluation.
    if row['evaluation_episodes'] == run.evaluation_episodes
  ]


def _seconds(row: Mapping[str, float]) -> float:
  """Seconds of acting and learning in one process, of learning in a program."""
  return row.get('training_seconds', row.get('learner_walltime', 0.0))


def steps_made(run: Run, workdir: pathlib.Path) -> int:
  """Environment steps at the last evaluation, 0 before the first."""
  return _last_steps(rows_of(run, workdir))


def _last_steps(rows: Sequence[Mapping[str, Any]]) -> int:
  return rows[-1]['actor_steps'] if rows else 0


def unfinished(
  runs: Sequence[Run],
  table: pathlib.Path,
  folder: pathlib.Path | None = None,
) -> list[Run]:
  """Runs whose last evaluation is neither in the table nor in their folder.

  Args:
    runs: the runs.
    table: the CSV file, which need not exist.
    folder: the folder of the runs' folders, if these count.

  Returns:
    The runs to make or to resume.
  """
  known = results.read_runs([table]) if table.exists() else {}

  def is_done(run: Run) -> bool:
    made = max(known.get(run.curve, {}).get(run.seed, {}), default=0)
    if folder is not None:
      made = max(made, steps_made(run, folder / run.label))
    return made >= run.num_steps

  return [run for run in runs if not is_done(run)]


def collect(
  runs: Sequence[Run],
  folder: pathlib.Path,
  table: pathlib.Path,
) -> None:
  """Writes the finished runs into one table; see `results.update_table`.

  Unfinished runs have rows only in their folders: in the table they would give
  the start of a curve more seeds than its end. Whether the runs were sound goes
  into another table of the same name, in a folder `soundness` next to it.

  Args:
    runs: the runs.
    folder: the folder of the runs' folders.
    table: the CSV file.
  """
  made = {run: rows_of(run, folder / run.label) for run in runs}
  finished = [run for run in runs if _last_steps(made[run]) >= run.num_steps]
  results.update_table(table, [row for run in finished for row in made[run]])
  examined = [_examine(run, folder / run.label) for run in finished]
  results.update_table(
    table.parent / 'soundness' / table.name,
    [row for row in examined if row is not None],
    soundness.COLUMNS,
  )


def _examine(run: Run, workdir: pathlib.Path) -> dict[str, Any] | None:
  """The findings of `soundness` on a run; None before the first learner row."""
  logs = workdir / 'logs'
  if not (logs / 'learner.csv').exists():
    return None
  learner = loggers.read_rows(logs / 'learner.csv')
  if not learner:
    return None
  evaluations = logs / 'evaluator.csv'
  evaluator = loggers.read_rows(evaluations) if evaluations.exists() else []
  scale = float(dict(run.flags).get('reward_scale', 1.0))
  found = dataclasses.asdict(soundness.examine(learner, evaluator, scale))
  return {
    'agent': run.agent,
    'preset': run.preset_name,
    'task': run.environment,
    'action_repeat': run.action_repeat,
    'seed': run.seed,
    **{
      name: round(value, 4) if isinstance(value, float) else value
      for name, value in found.items()
    },
  }
