"""Judges flows by a regression: are the advantages that they imply right?

  python experiments/run_quinoa.py --run_distributed=false --seed=500 \
    --preset=with_critics --env_name=control:walker:walk --num_steps=18000 \
    --workdir=runs/walker
  python experiments/diagnose_flow.py --workdir=runs/walker --output=found.csv

Each candidate is fitted to the targets that the run's critics make from its
replay. Only its TD loss is used, as by an agent of QuinoaConfig.direct() with
that flow. An ensemble of new critics is the reference. The rows of a seed
replace its earlier ones in the table. docs/diagnosis.md explains the numbers;
`--page=docs/diagnosis.md` renews the table there, and does only that if there
is no `--workdir`.
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

from experiments.lib import diagnosis_run  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

flags.DEFINE_string('workdir', None, 'The run with critics.')
flags.DEFINE_string('output', None, 'A CSV file.', required=True)
flags.DEFINE_string('page', None, 'A page whose table to renew.')
_FLOWS = diagnosis_run.FLOWS
flags.DEFINE_list('candidates', _FLOWS, f'Which flows, of {", ".join(_FLOWS)}.')
flags.DEFINE_integer('seed', 0, 'For everything random.', 0, 2**31 - 1)
flags.DEFINE_integer(
  'num_critics', 6, 'Critics of the reference.', lower_bound=2
)
flags.DEFINE_integer(
  'num_updates', 5000, 'Of each, with 256 transitions each.', lower_bound=1
)
flags.DEFINE_integer(
  'num_states', 1024, 'Held-out states to evaluate.', lower_bound=1
)
flags.DEFINE_integer('episodes', 3, "Of the run's policy.", lower_bound=1)


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    diagnosis_run.run(flags.FLAGS)
  except diagnosis_run.ERRORS as error:
    sys.exit(f'error: {error}')


if __name__ == '__main__':
  scripts.run(main)
