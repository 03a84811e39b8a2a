"""Sweeps: many runs from one committed file, and one table of their results.

A sweep is a JSON file,

  {"runs": [{"agent": "quinoa", "preset": "default", "num_steps": 100000,
             "env_names": ["control:walker:walk"], "seeds": [0, 1, 2]}, ...]}

where an entry stands for one run of each environment and seed, in one process
on one core. It may have `flags`, more flags of the agent's script, and then
needs a `variant`, a name for what they make of the preset.
"""

from collections.abc import Mapping, Sequence
import csv
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

from quinoa_acme import loggers
from quinoa_acme import running

# The columns of a table of results; one row an evaluation.
COLUMNS: tuple[str, ...] = (
  'agent',
  'preset',
  'task',
  'seed',
  'actor_steps',
  'learner_steps',
  'wall_clock',
  'return',
  'evaluation',
  'version',
  'commit',
)
_SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / 'experiments'
_POLL_SECONDS = 1.0
_KEYS = {
  'agent',
  'preset',
  'variant',
  'env_names',
  'seeds',
  'num_steps',
  'eval_every',
  'evaluation_episodes',
  'flags',
}


@dataclasses.dataclass(frozen=True)
class Run:
  """One run of a sweep.

  Attributes:
    agent: a key of `running.PRESETS`; its script is `run_<agent>.py`.
    preset: the agent's preset.
    env_name: e.g. 'control:walker:walk'.
    seed: of everything random.
    num_steps: environment steps.
    variant: a name for what the flags make of the preset, or ''.
    eval_every: environment steps between evaluations.
    evaluation_episodes: episodes of each.
    flags: more flags of the script, as (name, value).
  """

  agent: str
  preset: str
  env_name: str
  seed: int
  num_steps: int
  variant: str = ''
  eval_every: int = 10_000
  evaluation_episodes: int = 10
  flags: tuple[tuple[str, str], ...] = ()

  def __post_init__(self):
    if self.preset not in running.PRESETS.get(self.agent, {}):
      known = {name: list(value) for name, value in running.PRESETS.items()}
      raise ValueError(
        f'no preset {self.preset!r} of agent {self.agent!r}; there are {known}.'
      )
    if bool(self.flags) != bool(self.variant):
      raise ValueError(
        'a run needs a variant, to be told from its preset, exactly if it has '
        f'flags, but has variant {self.variant!r} and flags {self.flags}.'
      )

  @property
  def preset_name(self) -> str:
    """The preset, with the variant if there is one."""
    return f'{self.preset}/{self.variant}' if self.variant else self.preset

  @property
  def task(self) -> str:
    """The environment's name without its suite, e.g. 'walker-walk'."""
    return '-'.join(self.env_name.split(':')[1:])

  @property
  def label(self) -> str:
    """A name for the run's folder."""
    preset = self.preset_name.replace('/', '-')
    return f'{self.agent}-{preset}-{self.task}-seed{self.seed}'

  def command(self, workdir: pathlib.Path) -> list[str]:
    """The command that makes, or goes on with, the run."""
    return [
      sys.executable,
      str(_SCRIPTS / f'run_{self.agent}.py'),
      '--run_distributed=false',
      f'--preset={self.preset}',
      f'--env_name={self.env_name}',
      f'--seed={self.seed}',
      f'--num_steps={self.num_steps}',
      f'--eval_every={self.eval_every}',
      f'--evaluation_episodes={self.evaluation_episodes}',
      f'--workdir={workdir}',
      *(f'--{name}={value}' for name, value in self.flags),
    ]


def read(path: str | os.PathLike[str]) -> list[Run]:
  """Reads a sweep.

  Args:
    path: the JSON file.

  Returns:
    Its runs, in the file's order.

  Raises:
    ValueError: if the file is no sweep; says which entry is wrong.
  """
  entries = json.loads(pathlib.Path(path).read_text())['runs']
  runs = []
  for i, entry in enumerate(entries):
    try:
      runs += _expand(entry)
    except (KeyError, TypeError, ValueError) as error:
      raise ValueError(f'{path}, entry {i}: {error!r}') from error
  labels = [run.label for run in runs]
  twice = sorted({label for label in labels if labels.count(label) > 1})
  if twice:
    raise ValueError(f'{path} has runs twice: {", ".join(twice)}.')
  return runs


def _expand(entry: Mapping[str, Any]) -> list[Run]:
  unknown = set(entry) - _KEYS
  if unknown:
    raise ValueError(f'unknown {sorted(unknown)}; known are {sorted(_KEYS)}')
  flags = tuple((name, str(x)) for name, x in entry.get('flags', {}).items())
  options = {
    key: entry[key]
    for key in ('variant', 'eval_every', 'evaluation_episodes')
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
  """The results of a run so far, one row an evaluation.

  Args:
    run: the run.
    workdir: its folder.

  Returns:
    Rows with the columns `COLUMNS`.
  """
  evaluations = workdir / 'logs' / 'evaluator.csv'
  if not evaluations.exists():
    return []
  config = json.loads((workdir / 'config.json').read_text())
  return [
    {
      'agent': run.agent,
      'preset': run.preset_name,
      'task': run.task,
      'seed': run.seed,
      'actor_steps': int(row['actor_steps']),
      'learner_steps': int(row['learner_steps']),
      'wall_clock': round(row.get('training_seconds', 0.0), 1),
      'return': round(row['episode_return'], 2),
      'evaluation': config['evaluation'],
      'version': config['version'],
      'commit': config['commit'],
    }
    for row in loggers.read_rows(evaluations)
    # A run that was stopped makes its last evaluation in short.
    if row['evaluation_episodes'] == run.evaluation_episodes
  ]


def is_done(run: Run, workdir: pathlib.Path) -> bool:
  """Whether the run has come to its last evaluation."""
  rows = rows_of(run, workdir)
  return bool(rows) and rows[-1]['actor_steps'] >= run.num_steps


def collect(
  runs: Sequence[Run],
  folder: pathlib.Path,
  table: pathlib.Path,
) -> None:
  """Writes all results so far into one table; see `update_table`.

  Args:
    runs: the runs.
    folder: where the runs' folders are.
    table: the CSV file.
  """
  update_table(
    table, [row for run in runs for row in rows_of(run, folder / run.label)]
  )


def update_table(
  table: pathlib.Path, rows: Sequence[Mapping[str, Any]]
) -> None:
  """Puts rows into a table of results, in the place of those of the same runs.

  Rows of other runs, such as those made on another machine, are kept.

  Args:
    table: the CSV file, made if it is missing.
    rows: rows with the columns `COLUMNS`.
  """

  def key(row):
    return (row['agent'], row['preset'], row['task'], int(row['seed']))

  found = [dict(row) for row in rows]
  made_here = {key(row) for row in found}
  if table.exists():
    with table.open(newline='') as file:
      found += [
        row for row in csv.DictReader(file) if key(row) not in made_here
      ]
  found.sort(
    key=lambda row: (
      *key(row),
      int(row['actor_steps']),
      int(row['learner_steps']),
    )
  )
  table.parent.mkdir(parents=True, exist_ok=True)
  aside = table.with_suffix('.tmp')
  with aside.open('w', newline='') as file:
    writer = csv.DictWriter(file, COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(found)
  os.replace(aside, table)


def execute(
  runs: Sequence[Run],
  folder: pathlib.Path,
  table: pathlib.Path,
  cores: Sequence[int],
) -> list[str]:
  """Makes all runs that are not done, one a core at a time.

  A SIGINT or SIGTERM lets the runs under way save their state; the same call
  goes on with them later.

  Args:
    runs: the runs, made in this order.
    folder: where the runs' folders are.
    table: the CSV file for the results.
    cores: numbers of the processor cores to use.

  Returns:
    The labels of the runs that failed.
  """
  waiting = [run for run in runs if not is_done(run, folder / run.label)]
  print(f'{len(runs) - len(waiting)} of {len(runs)} runs are done.', flush=True)
  active: dict[int, tuple[Run, subprocess.Popen]] = {}
  failed: list[str] = []
  stopping = False

  def stop(number, frame):
    del number, frame
    nonlocal stopping
    stopping = True
    for _, process in active.values():
      process.send_signal(signal.SIGTERM)

  previous = {
    number: signal.signal(number, stop)
    for number in (signal.SIGINT, signal.SIGTERM)
  }
  try:
    while active or (waiting and not stopping):
      for core in cores:
        if core not in active and waiting and not stopping:
          run = waiting.pop(0)
          active[core] = (run, _start(run, folder / run.label, core))
          print(f'core {core}: {run.label}', flush=True)
      time.sleep(_POLL_SECONDS)
      for core, (run, process) in list(active.items()):
        if process.poll() is not None:
          del active[core]
          collect(runs, folder, table)
          if process.returncode:
            failed.append(run.label)
            print(f'FAILED: {run.label}', file=sys.stderr, flush=True)
  finally:
    for number, handler in previous.items():
      signal.signal(number, handler)
    collect(runs, folder, table)
  return failed


def _start(run: Run, workdir: pathlib.Path, core: int) -> subprocess.Popen:
  workdir.mkdir(parents=True, exist_ok=True)
  with (workdir / 'output.txt').open('a') as output:
    process = subprocess.Popen(
      run.command(workdir),
      stdout=output,
      stderr=subprocess.STDOUT,
      # A terminal's Ctrl-C must not reach it twice.
      start_new_session=True,
    )
  os.sched_setaffinity(process.pid, {core})
  return process
