"""Figure 1 shows the committed rows."""

import pictures

from experiments.lib import places
from experiments.lib import suite_figure
from quinoa_acme.runs.sweeps import sweeps


def test_the_picture_is_that_of_the_committed_rows(tmp_path):
  found = tmp_path / 'a.png'
  suite_figure.draw(found)
  # Else: python experiments/figure1.py --output=docs/images/figure1.png
  pictures.assert_alike(found, places.IMAGES / 'figure1.png')


def test_what_is_missing_is_named():
  sweep = sweeps.read(places.SWEEPS / 'figure1.json')
  runs, table = list(sweep.runs), places.RESULTS / 'bars.csv'
  text = suite_figure.describe_missing(runs, len(runs), table)
  assert text.startswith('60 of 60 runs are missing')
  assert '  quinoa paper walker-walk: seeds 0, 1, 2, 3, 4\n' in text
  assert text.endswith(f'run_suite.py --suite=figure1 --output={table}')
