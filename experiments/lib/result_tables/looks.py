"""The algorithms, tasks and steps that the documents show."""

from experiments.lib import figures
from experiments.lib import places
from quinoa_acme.runs.sweeps import results

ALGORITHMS = (
  figures.algorithm('quinoa', 'direct'),
  figures.algorithm('quinoa', 'default'),
  figures.algorithm('sac', 'default'),
  figures.algorithm('sac', 'default/width-128'),
  figures.algorithm('svg0', 'default'),
)
# The tables with their rows.
_RUNS = ('bars', 'direct', 'peers')
# Tasks, and the steps at which their returns are read.
ROWS = (
  ('walker-walk', 50_000),
  ('walker-walk', 100_000),
  ('cheetah-run', 100_000),
  ('cheetah-run', 250_000),
  ('hopper-stand', 100_000),
  ('hopper-stand', 250_000),
  ('cartpole-swingup', 50_000),
)
TASKS = tuple(dict.fromkeys(task for task, _ in ROWS))


def read_runs() -> figures.Curves:
  """The curves in the committed tables behind the documents."""
  paths = [places.RESULTS / f'{name}.csv' for name in _RUNS]
  return results.read([path for path in paths if path.exists()])
