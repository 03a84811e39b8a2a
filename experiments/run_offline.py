"""Learns from a fixed data set, by Quinoa and by behaviour cloning.

  python experiments/run_offline.py --data=walker.npz --output=offline.csv

The table has one row per evaluation.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'run'
)

import sys  # noqa: E402

from absl import flags  # noqa: E402

from experiments.lib import offline_runs  # noqa: E402
from quinoa_acme.runs import offline  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

flags.DEFINE_string('data', None, 'A file, or minari:<id>.', required=True)
flags.DEFINE_string('env_name', 'control:walker:walk', 'The task.')
flags.DEFINE_integer(
  'action_repeat', 1, 'Frames of the task in a step, as in the data.'
)
flags.DEFINE_multi_enum(
  'algorithm', list(offline.ALGORITHMS), list(offline.ALGORITHMS), 'Which.'
)
flags.DEFINE_multi_integer(
  'seed', [0, 1, 2], 'One run for each.', lower_bound=0
)
flags.DEFINE_integer('num_learner_steps', 30_000, 'SGD steps.')
flags.DEFINE_integer('eval_every', 10_000, 'SGD steps.')
flags.DEFINE_integer('evaluation_episodes', 10, 'Of each.')
flags.DEFINE_enum(
  'preset', 'offline', list(running.PRESETS['quinoa']), 'The configuration.'
)
flags.DEFINE_multi_string(
  'option', [], 'Replaces a field of the preset, e.g. conservatism=0.1.'
)
flags.DEFINE_string('output', None, 'The CSV file of the table.', required=True)


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    offline_runs.run(flags.FLAGS)
  except (OSError, ValueError) as error:
    sys.exit(f'error: {error}')


if __name__ == '__main__':
  scripts.run(main)
