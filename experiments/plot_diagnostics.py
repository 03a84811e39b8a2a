"""Draws how a run learns: V against returns, KL, temperature, gradients.

python experiments/plot_diagnostics.py --workdir=runs/...
"""

import sys

from absl import flags

from quinoa_acme.runs import command_line
from quinoa_acme.runs import diagnostics
from quinoa_acme.runs import scripts

_WORKDIR = flags.DEFINE_string('workdir', None, 'The run.', required=True)


def main(argv: list[str]) -> None:
  """Draws the figure."""
  command_line.begin(argv)
  try:
    print(diagnostics.plot_diagnostics(_WORKDIR.value))
  except OSError as error:
    sys.exit(f'error: {error}')


if __name__ == '__main__':
  scripts.run(main)
