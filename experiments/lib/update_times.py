"""How many updates a second the learners make, with their data ready."""

from collections.abc import Mapping, Sequence
import dataclasses
import os
import time
from typing import NamedTuple

from absl import flags
import jax
import numpy as np

from experiments.lib import flag_values
from experiments.lib import measured_rows
from experiments.lib import random_data
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents import svg0
from quinoa_acme.runs import scripts

CONFIGS = {
  'default': quinoa.QuinoaConfig,
  'one-step': lambda: quinoa.QuinoaConfig(returns=quinoa.OneStep()),
  'direct': quinoa.QuinoaConfig.direct,
  'paper': quinoa.QuinoaConfig.paper,
  'sac': sac.SACConfig,
  'sac-128': lambda: sac.SACConfig(hidden_sizes=(128, 128)),
  'svg0': svg0.SVG0Config,
}


class Plan(NamedTuple):
  """What is timed.

  Attributes:
    learners: keys of `CONFIGS`.
    batch_sizes: transitions an update.
    numbers: updates a call.
    num_calls: timed calls of each learner.
    table: the CSV file; none is written without.
  """

  learners: Sequence[str]
  batch_sizes: Sequence[int]
  numbers: Sequence[int]
  num_calls: int
  table: str | None


def read_plan(values: flags.FlagValues) -> Plan:
  """Reads the flags of `time_updates.py`.

  Raises:
    ValueError: if one does not fit.
  """
  batch_sizes, numbers = (
    flag_values.read_numbers(name, getattr(values, name))
    for name in ('batch_sizes', 'num_sgd_steps_per_step')
  )
  if values.table:
    scripts.check_output('table', values.table)
  return Plan(
    values.learners, batch_sizes, numbers, values.num_calls, values.table
  )


def tell(plan: Plan) -> None:
  """Measures all sizes, prints the rows, and may write them."""
  about = {
    'device': jax.devices()[0].device_kind,
    'precision': os.environ['JAX_DEFAULT_MATMUL_PRECISION'],
  }
  rows = (
    row
    for batch_size in plan.batch_sizes
    for number in plan.numbers
    for row in measure(plan.learners, batch_size, number, plan.num_calls)
  )
  measured_rows.tell(rows, about, plan.table)


def measure(
  names: Sequence[str], batch_size: int, num_sgd_steps: int, num_calls: int
) -> list[dict[str, object]]:
  """Times the learners in turns.

  Args:
    names: keys of `CONFIGS`.
    batch_size: transitions per update.
    num_sgd_steps: updates per call.
    num_calls: timed calls of each learner.

  Returns:
    One row each: the median and quartiles of updates per second, and the
    seconds of the first call, in which XLA compiles.
  """
  seconds = _time(names, batch_size, num_sgd_steps, num_calls)
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


def _time(
  names: Sequence[str], batch_size: int, num_sgd_steps: int, num_calls: int
) -> Mapping[str, list[float]]:
  """The seconds of each call: of the first, and of the timed ones."""
  learners = {
    name: random_data.make_learner(
      dataclasses.replace(
        CONFIGS[name](),
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
  for _ in range(num_calls + 1):
    for name, learner in learners.items():
      started = time.perf_counter()
      learner.step()
      # Quinoa's waits for its metrics, and SAC's for nothing.
      jax.block_until_ready(jax.live_arrays())
      seconds[name].append(time.perf_counter() - started)
  return seconds
