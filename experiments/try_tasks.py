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

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

import os  # noqa: E402
import sys  # noqa: E402

from absl import flags  # noqa: E402

from experiments.lib import task_trials  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_LIST = flags.DEFINE_bool('list', False, 'Only print the names of the tasks.')
flags.DEFINE_list('tasks', None, 'Names of tasks; all by default.')
flags.DEFINE_integer(
  'num_steps', 2000, 'Environment steps on each.', lower_bound=1
)
flags.DEFINE_string('preset', 'default', "The agent's preset.")
flags.DEFINE_string(
  'output', None, 'The CSV file to write; by default the rows are only printed.'
)


def main(argv: list[str]) -> None:
  """Tries the tasks in the flags, and writes the table."""
  scripts.begin(argv)
  if _LIST.value:
    print('\n'.join(task_trials.list_tasks()))
    return
  try:
    rows = task_trials.run(flags.FLAGS)
  except ValueError as error:
    sys.exit(f'error: {error}')
  sys.stdout.flush()
  # Threads of TensorFlow may block the interpreter's normal shutdown.
  os._exit(int(any(row['outcome'] == 'failed' for row in rows)))


if __name__ == '__main__':
  scripts.run(main)
