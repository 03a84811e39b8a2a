"""Measures how a distributed run's speed depends on its number of actors.

  python experiments/measure_scaling.py --output=.
  python experiments/measure_scaling.py --output=. --only_page

Each run is one of `run_quinoa.py` under local_mp. It is measured by the counts
that it writes and by the processor time of its nodes, then killed. There are
two paces: as in a user's run, where the replay's limiter holds actors and
learner to `samples_per_insert`; and free, where each runs as fast as the
processors let it. Below the folder `--output` the rows go to
experiments/results/scaling.csv, and from there into a table of docs/scaling.md.
`--only_page` only renews that table, from the committed rows.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()

import sys  # noqa: E402

from absl import flags  # noqa: E402

from experiments.lib.scaling import renewal  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

flags.DEFINE_list('actors', ['1', '2', '4', '8'], 'How many.')
flags.DEFINE_float('seconds', 25.0, 'For each measurement.', lower_bound=5.0)
flags.DEFINE_float(
  'warm_up', 5.0, 'Seconds of learning before each.', lower_bound=0.0
)
flags.DEFINE_bool('only_page', False, 'Measures nothing.')
flags.DEFINE_string(
  'output',
  None,
  'The folder for rows and page; that of the repository renews them.',
  required=True,
)


def main(argv: list[str]) -> None:
  """Measures, writes the rows, and renews the page's table."""
  scripts.begin(argv)
  try:
    renewal.run(flags.FLAGS)
  except (OSError, RuntimeError, ValueError) as error:
    sys.exit(f'error: {error}')


if __name__ == '__main__':
  scripts.run(main)
