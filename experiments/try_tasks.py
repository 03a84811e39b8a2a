"""Lists the tasks, and trains briefly on each to see that it works.

  python experiments/try_tasks.py --list
  python experiments/try_tasks.py --output=experiments/results/tasks.csv

The tasks are all of the DeepMind Control Suite, plus six of Gymnasium: the five
for which papers use MuJoCo, and the pendulum. This single process trains the
default agent, or another preset, on each, and evaluates one episode at the end.
Its return means nothing: a few thousand steps teach little.

The table has one row per task: whether it `ran`, was `refused` before its first
step, or `failed` later, and why.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()
runpy.run_path(str(_ROOT / 'quinoa_acme' / 'utils' / 'resources.py'))[
  'configure_process'
]('learner')

from collections.abc import Iterable  # noqa: E402
import contextlib  # noqa: E402
import csv  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402

from absl import flags  # noqa: E402
import numpy as np  # noqa: E402

from quinoa_acme import environments  # noqa: E402
from quinoa_acme.runs import experiment as experiment_lib  # noqa: E402
from quinoa_acme.runs import local  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.utils import resources  # noqa: E402

_LIST = flags.DEFINE_bool('list', False, 'Only print the names of the tasks.')
_TASKS = flags.DEFINE_list('tasks', None, 'Names of tasks; all by default.')
_NUM_STEPS = flags.DEFINE_integer(
  'num_steps', 2000, 'Environment steps on each.', lower_bound=1
)
_PRESET = flags.DEFINE_string('preset', 'default', "The agent's preset.")
_OUTPUT = flags.DEFINE_string(
  'output', None, 'The CSV file to write; by default the rows are only printed.'
)

_GYMNASIUM = (
  'gymnasium:Ant-v5',
  'gymnasium:HalfCheetah-v5',
  'gymnasium:Hopper-v5',
  'gymnasium:Humanoid-v5',
  'gymnasium:Pendulum-v1',
  'gymnasium:Walker2d-v5',
)
_COLUMNS: tuple[str, ...] = (
  'task',
  'observations',
  'actions',
  'outcome',
  'actor_steps',
  'learner_steps',
  'return',
  'reason',
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
  row: dict[str, str | int] = {column: '' for column in _COLUMNS}
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


def try_all(names: Iterable[str]) -> list[dict[str, str | int]]:
  """Tries tasks one after another, and prints the outcome of each."""
  rows = []
  for name in names:
    rows.append(try_task(name, _PRESET.value, _NUM_STEPS.value))
    told = [str(value) for value in rows[-1].values() if value != '']
    print(' | '.join(told), flush=True)
  return rows


def main(argv: list[str]) -> None:
  """Tries the tasks in the flags, and writes the table."""
  scripts.begin(argv)
  if _LIST.value:
    print('\n'.join(list_tasks()))
    return
  try:
    running.find_preset('quinoa', _PRESET.value)
    names = _TASKS.value or list_tasks()
    for name in names:
      environments.EnvironmentFactory(name)
    if _OUTPUT.value is not None:
      scripts.check_output('output', _OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  resources.compute_in_calling_thread()
  rows = try_all(names)
  if _OUTPUT.value is not None:
    pathlib.Path(_OUTPUT.value).parent.mkdir(parents=True, exist_ok=True)
    with open(_OUTPUT.value, 'w', newline='') as file:
      writer = csv.DictWriter(file, _COLUMNS, lineterminator='\n')
      writer.writeheader()
      writer.writerows(rows)
  sys.stdout.flush()
  # Threads of TensorFlow may block the interpreter's normal shutdown.
  os._exit(int(any(row['outcome'] == 'failed' for row in rows)))


if __name__ == '__main__':
  scripts.run(main)
