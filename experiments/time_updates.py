"""Times the learner of each agent, with its data ready.

  taskset -c 0 python experiments/time_updates.py
  python experiments/time_updates.py --learners=default --batch_sizes=256,4096 \
    --num_sgd_steps_per_step=1,50 --table=update_times.csv

Learners take turns, so that other load on the machine affects all of them. The
transitions are random, because their values do not affect the cost. They are
in the machine's memory and have to be moved to a GPU. If JAX sees a GPU, the
GPU is timed.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

import sys  # noqa: E402

from absl import flags  # noqa: E402

from experiments.lib import update_times  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_CONFIGS = update_times.CONFIGS
flags.DEFINE_integer(
  'num_calls', 20, 'Timed calls of each learner.', lower_bound=1
)
flags.DEFINE_multi_enum(
  'learners', list(_CONFIGS), list(_CONFIGS), "Which; sac is dm-acme's SAC."
)
flags.DEFINE_list(
  'num_sgd_steps_per_step', ['50'], 'Updates per call, one or more numbers.'
)
flags.DEFINE_list(
  'batch_sizes', ['256'], 'Transitions per update, one or more numbers.'
)
flags.DEFINE_string('table', None, 'A CSV file for the rows.')


def main(argv: list[str]) -> None:
  """Prints a row per learner, batch size, and number of updates per call."""
  scripts.begin(argv)
  try:
    plan = update_times.read_plan(flags.FLAGS)
  except ValueError as error:
    sys.exit(f'error: {error}')
  update_times.tell(plan)


if __name__ == '__main__':
  scripts.run(main)
