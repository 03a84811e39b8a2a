"""Runs a trained policy, and reports its return: `quinoa evaluate`.

  python experiments/evaluate.py --workdir=runs/mine --video=out.mp4

A run in an environment of your own needs its factory:

  python experiments/evaluate.py --workdir=runs/mine --environment=tasks:make
"""

import pathlib
import runpy

# By path, because interpreter and versions must be checked before the package
# is imported.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()

from quinoa_acme.cli import commands  # noqa: E402

if __name__ == '__main__':
  commands.run_script('evaluate')
