"""Draws figure 1: returns on cheetah, walker and hopper, from committed rows.

  python experiments/figure1.py --output=docs/images/figure1.png

Above: the median over seeds with the range, as in the paper. Below, and for the
three tasks together: the interquartile mean with its 95 % stratified bootstrap
interval. It also names runs of the suite `figure1` that its table lacks.
"""

import pathlib
import sys

from absl import flags

from experiments.lib import suite_figure
from quinoa_acme.runs import scripts

_OUTPUT = flags.DEFINE_string('output', None, 'The picture.', required=True)


def main(argv: list[str]) -> None:
  """Draws the figure, and reports missing runs."""
  scripts.begin(argv)
  try:
    scripts.check_output('output', _OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  suite_figure.draw(pathlib.Path(_OUTPUT.value))
  print(_OUTPUT.value)
  if missing := suite_figure.tell_missing():
    print(missing)


if __name__ == '__main__':
  scripts.run(main)
