"""Times the learner of each agent, with its data ready.

  taskset -c 0 python experiments/time_updates.py
  python experiments/time_updates.py --learners=default --batch_sizes=256,4096 \
    --num_sgd_steps_per_step=1,50 --table=update_times.csv

Learners take turns, so that other load on the machine affects all of them. The
transitions are random, because their values do not affect the cost. They are
in the machine's memory and have to be moved to a GPU. If JAX sees a GPU, the
GPU is timed.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

import csv  # noqa: E402
import dataclasses  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from absl import flags  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402

from experiments.lib import random_data  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.agents import sac  # noqa: E402
from quinoa_acme.agents import svg0  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_CONFIGS = {
  'default': quinoa.QuinoaConfig,
  'one-step': lambda: quinoa.QuinoaConfig(returns=quinoa.OneStep()),
  'direct': quinoa.QuinoaConfig.direct,
  'paper': quinoa.QuinoaConfig.paper,
  'sac': sac.SACConfig,
  'sac-128': lambda: sac.SACConfig(hidden_sizes=(128, 128)),
  'svg0': svg0.SVG0Config,
}
_CALLS = flags.DEFINE_integer(
  'num_calls', 20, 'Timed calls of each learner.', lower_bound=1
)
_LEARNERS = flags.DEFINE_multi_enum(
  'learners', list(_CONFIGS), list(_CONFIGS), "Which; sac is dm-acme's SAC."
)
_STEPS = flags.DEFINE_list(
  'num_sgd_steps_per_step', ['50'], 'Updates per call, one or more numbers.'
)
_BATCH_SIZES = flags.DEFINE_list(
  'batch_sizes', ['256'], 'Transitions per update, one or more numbers.'
)
_TABLE = flags.DEFINE_string('table', None, 'A CSV file for the rows.')


def measure(
  names: list[str], batch_size: int, num_sgd_steps: int
) -> list[dict[str, object]]:
  """Times the learners in turns.

  Args:
    names: keys of `_CONFIGS`.
    batch_size: transitions per update.
    num_sgd_steps: updates per call.

  Returns:
    One row each: the median and quartiles of updates per second, and the
    seconds of the first call, in which XLA compiles.
  """
  learners = {
    name: random_data.make_learner(
      dataclasses.replace(
        _CONFIGS[name](),
        batch_size=batch_size,
        num_sgd_steps_per_step=num_sgd_steps,
        # Without a replay there is no limiter.
        min_replay_size=max(100_000, batch_size),
        max_replay_size=1_000_000,
      )
    )
    for name in names
  }
  seconds: dict[str, list[float]] = {name: [] for name in learners}
  for _ in range(_CALLS.value + 1):
    for name, learner in learners.items():
      started = time.perf_counter()
      learner.step()
      # Quinoa's waits for its metrics, and SAC's for nothing.
      jax.block_until_ready(jax.live_arrays())
      seconds[name].append(time.perf_counter() - started)
  rows = []
  for name, (first, *others) in seconds.items():
    low, median, high = num_sgd_steps / np.percentile(others, [75, 50, 25])
    rows.append(
      {
        'learner': name,
        'batch_size': batch_size,
        'updates_per_call': num_sgd_steps,
        'updates_per_second': round(float(median), 1),
        'lower_quartile': round(float(low), 1),
        'upper_quartile': round(float(high), 1),
        'first_call_seconds': round(first, 2),
      }
    )
  return rows


def _read_numbers(name: str, texts: list[str]) -> list[int]:
  if not texts or not all(text.isdecimal() and int(text) for text in texts):
    raise ValueError(
      f'--{name}={",".join(texts)}: expected whole numbers of at least 1, with '
      'commas between.'
    )
  return [int(text) for text in texts]


def main(argv: list[str]) -> None:
  """Prints a row per learner, batch size, and number of updates per call."""
  scripts.begin(argv)
  table = _TABLE.value and pathlib.Path(_TABLE.value)
  try:
    batch_sizes = _read_numbers('batch_sizes', _BATCH_SIZES.value)
    numbers = _read_numbers('num_sgd_steps_per_step', _STEPS.value)
    if table:
      scripts.check_output('table', table)
  except ValueError as error:
    sys.exit(f'error: {error}')
  about = {
    'device': jax.devices()[0].device_kind,
    'precision': os.environ['JAX_DEFAULT_MATMUL_PRECISION'],
    'python': platform.python_version(),
    'jax': jax.__version__,
    **experiment.describe_source(),
  }
  rows = []
  for batch_size in batch_sizes:
    for number in numbers:
      for row in measure(_LEARNERS.value, batch_size, number):
        rows.append(row | about)
        print(json.dumps(row), flush=True)
  if table:
    with table.open('w', newline='') as file:
      writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
      writer.writeheader()
      writer.writerows(rows)


if __name__ == '__main__':
  scripts.run(main)
