"""Trains Quinoa on a continuous-control task.

  python experiments/run_quinoa.py --lp_launch_type=local_mp

runs replay, counter, learner, evaluator and actors in separate processes;
`--lp_launch_type=local_mt` runs them in threads, `--run_distributed=false` all
in one thread, deterministically. Every field of the agent's configuration is a
flag, written as in Python: `--temperature='FixedTemperature(0.1)'`.
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
  scripts.train('quinoa')
