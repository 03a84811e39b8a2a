"""Shows where the time of a run goes; prints it, and may write a table.

  python experiments/profile_run.py --output=experiments/results/profile.csv

Each part is timed alone, repeatedly, for `--seconds` seconds. The table has
wall-clock microseconds, processor microseconds (over all threads of the
process), and a note on what one call covers.
`python -X importtime -c 'import ...'` shows how long each module takes.
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

from experiments.lib import csv_files  # noqa: E402
from experiments.lib import run_profile  # noqa: E402
from experiments.lib import timing  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.utils import resources  # noqa: E402

_SECONDS = flags.DEFINE_float('seconds', 3.0, 'For each part.', lower_bound=0.1)
_OUTPUT = flags.DEFINE_string('output', None, 'A CSV file for the table.')


def main(argv: list[str]) -> None:
  """Measures, prints and writes."""
  scripts.begin(argv)
  try:
    if _OUTPUT.value:
      scripts.check_output('output', _OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  resources.compute_in_calling_thread()
  timer = timing.Timer(_SECONDS.value)
  parts = [*run_profile.profile(timer), *run_profile.profile_imports()]
  if _OUTPUT.value:
    rows = [part.cells() for part in parts]
    csv_files.write(_OUTPUT.value, timing.Part._fields, rows)


if __name__ == '__main__':
  scripts.run(main)
