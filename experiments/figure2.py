"""Draws figure 2: the policy in the state where it has the most modes.

  python experiments/figure2.py --output=docs/images

draws it from the committed data in `experiments/results/figure2`, for the
`paper` preset, and from `figure2_default`, for the default;

  python experiments/figure2.py --workdir=runs/walker

makes such data from a run of Quinoa, by a search over the states that its
policy visits, and draws them; they go into the run's folder, or to `--output`.
MuJoCo renders the state by EGL or OSMesa.
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

from experiments.lib import policy_figure_files  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

flags.DEFINE_string('workdir', None, 'The run; by default committed data.')
flags.DEFINE_string(
  'environment',
  None,
  "Your own function that makes the run's environment from a seed: "
  'module:function, or path/to/file.py:function.',
)
flags.DEFINE_string('output', None, "The output folder; by default the run's.")
flags.DEFINE_integer(
  'num_states', 1000, 'How many states to search.', lower_bound=1
)
flags.DEFINE_integer(
  'every', 5, 'Environment steps between two of them.', lower_bound=1
)
flags.DEFINE_integer('seed', 0, 'For search and samples.', lower_bound=0)


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    policy_figure_files.run(flags.FLAGS)
  except (OSError, RuntimeError, ValueError) as error:
    sys.exit(f'error: {error}')


if __name__ == '__main__':
  scripts.run(main)
