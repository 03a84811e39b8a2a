"""Trains SVG(0) as `run_quinoa.py` trains Quinoa: the paper's baseline.

  python experiments/run_svg0.py --run_distributed=false

Environment, steps, updates, evaluation and logs are the same code.
"""

import pathlib
import runpy

# By path, because importing quinoa_acme imports JAX: first the interpreter and
# the versions must be checked, and threads and devices set.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

from quinoa_acme.runs import scripts  # noqa: E402

if __name__ == '__main__':
  scripts.train('svg0')
