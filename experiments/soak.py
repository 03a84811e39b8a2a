"""Runs a program for a long time, and checks its memory and speed for drift.

  python experiments/soak.py --minutes=60 --output=.

Below the folder `--output` it writes experiments/results/soak.csv and
soak.json, draws docs/images/soak.png and renews the table of docs/soak.md.
`--minutes=0` does only the last two, from the committed files. The program is
that of run_quinoa.py under `local_mp`, with two actors; further flags go to it,
after `--`.
"""

import sys

from absl import flags

from experiments.lib import soak_page
from quinoa_acme.runs import scripts

_MINUTES = flags.DEFINE_float(
  'minutes', 60.0, 'How long it runs; 0 only draws.', lower_bound=0.0
)
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for all of these; that of the repository renews them.',
  required=True,
)
_WARM_UP = flags.DEFINE_float(
  'warm_up', 10.0, 'Minutes at the start to leave out.', lower_bound=0.0
)


def main(argv: list[str]) -> None:
  """Soaks, writes the rows, draws them, and renews the document."""
  try:
    files = soak_page.place(_OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  if _MINUTES.value:
    soak_page.measure(files, _MINUTES.value, _WARM_UP.value, argv[1:])
  else:
    files = soak_page.with_committed_rows(files)
  print(soak_page.renew(files))


if __name__ == '__main__':
  scripts.run(main)
