"""Trains dm-acme's SVG0 for TensorFlow, and ours, with the same options.

  python experiments/compare_svg0.py \
    --output=experiments/results/svg0_acme.csv

Acme's agent runs unchanged in Acme's own loop. It gets sequences of two steps,
for which its Retrace target is the one-step target. It needs trfl, which `make
setup` installs.
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

from experiments.lib import acme_svg0  # noqa: E402
from experiments.lib import svg0_comparison  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.utils import checkpointing  # noqa: E402

flags.DEFINE_string(
  'env_name', 'control:cartpole:balance', 'Which task to train.'
)
flags.DEFINE_integer('num_steps', 5_000, 'Environment steps of each.')
flags.DEFINE_integer('eval_every', 2_500, 'Steps per evaluation.')
flags.DEFINE_integer('evaluation_episodes', 3, 'Of each.')
flags.DEFINE_integer('seed', 0, 'Seed of everything random.')
flags.DEFINE_string('folder', 'runs/compare_svg0', 'For our run.')
flags.DEFINE_string('output', None, 'The CSV file for the rows.', required=True)


def main(argv: list[str]) -> None:
  """Trains both, and writes the table."""
  scripts.begin(argv)
  try:
    plan = svg0_comparison.read_plan(flags.FLAGS)
    rows = svg0_comparison.train_ours(plan, flags.FLAGS.folder)
  except (ValueError, checkpointing.CheckpointError) as error:
    sys.exit(f'error: {error}')
  acme_svg0.write_rows(plan, rows, pathlib.Path(flags.FLAGS.output))
  # Threads of TensorFlow and Reverb may block the interpreter's shutdown.
  os._exit(0)


if __name__ == '__main__':
  scripts.run(main)
