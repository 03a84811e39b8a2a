"""Records the transitions of a trained policy: `quinoa record`.

  python experiments/record_data.py --workdir=runs/walker --output=data.npz

`run_offline.py` learns from what it wrote.
"""

import pathlib
import runpy

# By path: the interpreter and the versions must be right before the package is
# imported.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()

from quinoa_acme.cli import commands  # noqa: E402

if __name__ == '__main__':
  commands.run_script('record')
