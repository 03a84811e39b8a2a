"""Draws a run: its learning curve, and how it learns: `quinoa plot`.

python experiments/plot_diagnostics.py --workdir=runs/...
"""

import pathlib
import runpy

# By path, because interpreter and versions must be checked before the package
# is imported.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()

from quinoa_acme.cli import commands  # noqa: E402

if __name__ == '__main__':
  commands.run_script('plot')
