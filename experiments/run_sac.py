"""Trains Acme's SAC as `run_quinoa.py` trains Quinoa: the baseline.

  python experiments/run_sac.py --run_distributed=false

Environment, steps, updates, evaluation and logs are the same code; networks,
losses and learner are Acme's own.
"""

import pathlib
import runpy

# By path, because interpreter and versions must be checked before the package
# is imported, and threads and devices set before JAX is.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

from quinoa_acme.runs import scripts  # noqa: E402

if __name__ == '__main__':
  scripts.train('sac')
