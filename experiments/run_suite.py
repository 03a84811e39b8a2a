"""Makes the runs of a suite, one per core, and a table of their results.

  python experiments/run_suite.py --suite=quick \
    --output=experiments/results/quick.csv

A suite is a file of `experiments/sweeps`, by its name. Finished runs, in the
runs' folders or in the table `--output`, are skipped, and interrupted ones
resumed. So the same command completes a suite however often, and wherever, it
is stopped. To repeat runs of the committed table, name another table.

  python experiments/run_suite.py --suite=quick --compare

repeats all its runs in a separate folder and compares them with the committed
table, which it does not change; the exit status is 1 if anything got worse.
With `--folder` set to the folder that it printed first, it resumes a comparison
that was stopped.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()

import sys  # noqa: E402

from absl import flags  # noqa: E402

from experiments.lib import suites  # noqa: E402
from quinoa_acme.cli import command  # noqa: E402
from quinoa_acme.cli import sweep  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

sweep.define_flags(flags.FLAGS)
flags.mark_flag_as_required('suite')
_COMPARE = flags.DEFINE_bool(
  'compare', False, 'Run all anew, and compare with the committed table.'
)


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    status = suites.run(flags.FLAGS, compare=_COMPARE.value)
  except command.CommandError as error:
    sys.exit(f'error: {error}')
  if _COMPARE.value:
    sys.exit(status)


if __name__ == '__main__':
  scripts.run(main)
