"""Short trials of tasks: whether an agent can be trained on them."""

from collections.abc import Iterable
import contextlib
import io
import pathlib
import tempfile

from absl import flags
import numpy as np

from experiments.lib import csv_files
from quinoa_acme import environments
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import local
from quinoa_acme.runs import running
from quinoa_acme.runs import scripts
from quinoa_acme.utils import resources

COLUMNS: tuple[str, ...] = (
  'task',
  'observations',
  'actions',
  'outcome',
  'actor_steps',
  'learner_steps',
  'return',
  'reason',
)
_GYMNASIUM = (
  'gymnasium:Ant-v5',
  'gymnasium:HalfCheetah-v5',
  'gymnasium:Hopper-v5',
  'gymnasium:Humanoid-v5',
  'gymnasium:Pendulum-v1',
  'gymnasium:Walker2d-v5',
)


def list_tasks() -> tuple[str, ...]:
  """The names of all tasks to try."""
  return (*environments.list_tasks(), *_GYMNASIUM)


def try_task(name: str, preset: str, num_steps: int) -> dict[str, str | int]:
  """Trains briefly on a task.

  Args:
    name: of the task.
    preset: of the agent.
    num_steps: environment steps to make.

  Returns:
    The row of the table.
  """
  row: dict[str, str | int] = {column: '' for column in COLUMNS}
  row |= {'task': name, 'outcome': 'refused'}
  with tempfile.TemporaryDirectory() as workdir:
    try:
      config = running.make_config(
        name,
        'quinoa',
        preset,
        {},
        workdir,
        num_steps=num_steps,
        eval_every=num_steps,
        evaluation_episodes=1,
      )
      row |= _describe(config)
      row['outcome'] = 'failed'
      # Progress lines of one task after another would be noise.
      with contextlib.redirect_stdout(io.StringIO()):
        status = local.run(config)
    except Exception as error:  # Any error that ends a run is a finding.
      return row | {'reason': ' '.join(f'{error}'.split())}
  row |= {
    'outcome': 'ran',
    'actor_steps': status.actor_steps,
    'learner_steps': status.learner_steps,
    'return': f'{status.evaluation_return:.4g}',
  }
  return row


def _describe(config: experiment_lib.ExperimentConfig) -> dict[str, int]:
  """The sizes of a task's specs, if the agent accepts them."""
  spec = config.make_spec()
  config.make_agent().make_networks(spec)
  return {
    'observations': int(np.prod(spec.observations.shape)),
    'actions': int(np.prod(spec.actions.shape)),
  }


def run(values: flags.FlagValues) -> list[dict[str, str | int]]:
  """Tries tasks, and writes the table.

  Args:
    values: the flags of `try_tasks.py`.

  Returns:
    The rows of the table.

  Raises:
    ValueError: before any task is tried, if a flag does not fit.
  """
  running.find_preset('quinoa', values.preset)
  names = values.tasks or list_tasks()
  for name in names:
    environments.EnvironmentFactory(name)
  if values.output is not None:
    scripts.check_output('output', values.output)
  resources.compute_in_calling_thread()
  rows = try_all(names, values.preset, values.num_steps)
  if values.output is not None:
    table = pathlib.Path(values.output)
    table.parent.mkdir(parents=True, exist_ok=True)
    csv_files.write(table, COLUMNS, rows)
  return rows


def try_all(
  names: Iterable[str], preset: str, num_steps: int
) -> list[dict[str, str | int]]:
  """Tries tasks one after another, and prints the outcome of each.

  Args:
    names: of the tasks.
    preset: of the agent.
    num_steps: environment steps to make on each.

  Returns:
    The rows of the table.
  """
  rows = []
  for name in names:
    rows.append(try_task(name, preset, num_steps))
    told = [str(value) for value in rows[-1].values() if value != '']
    print(' | '.join(told), flush=True)
  return rows
