"""Remakes the tables and pictures of the README and of the results page.

  python experiments/make_results.py --output=.

They are made only from the committed tables in `experiments/results`, the sweep
of ablations, and the published returns in `experiments/published`. They go
below the folder `--output`. `figure1.py` and `figure2.py` draw the figures.
"""

import sys

from absl import flags

from experiments.lib import places
from experiments.lib.result_tables import documents
from quinoa_acme.runs import scripts

_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for documents and picture; that of the repository renews them.',
  required=True,
)


def main(argv: list[str]) -> None:
  """Remakes the tables and the picture."""
  scripts.begin(argv)
  try:
    files = scripts.place_outputs(_OUTPUT.value, places.ROOT, *documents.FILES)
  except ValueError as error:
    sys.exit(f'error: {error}')
  documents.renew(*files)


if __name__ == '__main__':
  scripts.run(main)
