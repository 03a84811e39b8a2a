"""Compares the policy's densities on this machine's GPU with its CPU's.

  python experiments/compare_devices.py --table=devices.csv

A learner makes updates on random transitions, so that the policy is no longer
uniform. Then actions of 1,024 states are sampled with their log-densities, and
the densities computed again by inverting the flow, on both devices and at
several precisions of JAX's products. Each is compared with the CPU's at full
precision. Without a GPU the CPU is compared with itself.
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

from experiments.lib import device_densities  # noqa: E402
from experiments.lib import measured_rows  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_UPDATES = flags.DEFINE_integer(
  'num_updates', 1000, 'Updates before, a multiple of 50.', lower_bound=50
)
_TABLE = flags.DEFINE_string('table', None, 'A CSV file for the rows.')


def main(argv: list[str]) -> None:
  """Prints a row for each device and precision."""
  scripts.begin(argv)
  num_updates, table = _UPDATES.value, _TABLE.value
  try:
    if num_updates % device_densities.UPDATES_A_CALL:
      raise ValueError(
        f'--num_updates={num_updates}: expected a multiple of '
        f'{device_densities.UPDATES_A_CALL}.'
      )
    if table:
      scripts.check_output('table', table)
  except ValueError as error:
    sys.exit(f'error: {error}')
  measured_rows.tell(
    device_densities.compare(num_updates), {'num_updates': num_updates}, table
  )


if __name__ == '__main__':
  scripts.run(main)
