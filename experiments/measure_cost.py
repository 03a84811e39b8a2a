"""Measures and plots the cost of an update and an action against their size.

  python experiments/measure_cost.py --output=.

Action dimension, couplings or batch varies; the others are those of the default
preset in a task with 17 observations and 6 actions. All settings take turns,
`--rounds` times; the table, experiments/results/cost.csv below the folder
`--output`, has one row per round. `--plot` only draws the committed table. How
several actors share a machine is measured elsewhere, with whole runs.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()
runpy.run_path(str(_ROOT / 'quinoa_acme' / 'utils' / 'resources.py'))[
  'configure_process'
]('learner')

from collections.abc import Callable  # noqa: E402
import csv  # noqa: E402
import dataclasses  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from absl import flags  # noqa: E402
from acme import specs  # noqa: E402
import jax  # noqa: E402
from matplotlib import figure as figure_lib  # noqa: E402
import numpy as np  # noqa: E402

from experiments.lib import random_data  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.agents.quinoa import training_state  # noqa: E402
from quinoa_acme.agents.quinoa import update as update_lib  # noqa: E402
from quinoa_acme.networks.flows import tilted  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.utils import resources  # noqa: E402

_ROUNDS = flags.DEFINE_integer(
  'rounds', 5, 'Rounds of all settings.', lower_bound=1
)
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for table and picture; that of the repository renews them.',
  required=True,
)
_PLOT = flags.DEFINE_bool('plot', False, 'Only draw the committed table.')

_TABLE = _ROOT / 'experiments' / 'results' / 'cost.csv'
_PICTURE = _ROOT / 'docs' / 'images' / 'cost.png'

_COLUMNS: tuple[str, ...] = (
  'varied',
  'value',
  'round',
  'update_ms',
  'action_us',
)
# What varies, with its values, which include the default.
_VALUES = {
  'action dimension': (1, 2, 6, 12, 24, 38, 64),
  'couplings': (2, 4, 6, 8),
  'batch': (64, 128, 256, 512, 1024),
}
_DEFAULTS = {'action dimension': 6, 'couplings': 4, 'batch': 256}
_OBSERVATION = 17
_SECONDS = 0.5

# A call of the update, and one of the policy.
Calls = tuple[Callable[[], Any], Callable[[], Any]]


def _make_calls(dimension: int, couplings: int, batch_size: int) -> Calls:
  spec = specs.EnvironmentSpec(
    observations=specs.Array((_OBSERVATION,), np.float32),
    actions=specs.BoundedArray((dimension,), np.float32, -1.0, 1.0),
    rewards=specs.Array((), np.float32),
    discounts=specs.BoundedArray((), np.float32, 0.0, 1.0),
  )
  config = quinoa.QuinoaConfig(batch_size=batch_size)
  flow = tilted.TiltedFlowConfig(num_couplings=couplings)
  config = dataclasses.replace(config, flow=flow)
  agent = quinoa.QuinoaAgent(config)
  networks = agent.make_networks(spec)
  batch = random_data.make_batch(spec, batch_size, config.window)
  key = jax.random.PRNGKey(0)
  state = training_state.make_initial_state(
    networks, config, key, batch.observation, batch.action
  )
  update = jax.jit(update_lib.make_update_step(networks, config))
  policy = jax.jit(agent.make_policy(networks))
  variables = training_state.policy_of(state)
  return (
    lambda: update(state, batch),
    lambda: policy(variables, key, batch.observation[:1]),
  )


def _seconds(call: Callable[[], Any]) -> float:
  """Seconds per call, averaged over half a second of calls."""
  count = 0
  started = time.perf_counter()
  while time.perf_counter() - started < _SECONDS:
    jax.block_until_ready(call())
    count += 1
  return (time.perf_counter() - started) / count


def _measure() -> list[dict[str, Any]]:
  settings: dict[tuple[str, int], Calls] = {}
  for varied, values in _VALUES.items():
    for value in values:
      sizes = _DEFAULTS | {varied: value}
      calls = _make_calls(*sizes.values())
      for call in calls:
        jax.block_until_ready(call())
      settings[varied, value] = calls
      print(f'compiled: {varied} {value}', flush=True)
  rows = []
  for i in range(_ROUNDS.value):
    for (varied, value), (update, policy) in settings.items():
      times = f'{_seconds(update) * 1e3:.4g}', f'{_seconds(policy) * 1e6:.4g}'
      row = dict(zip(_COLUMNS, (varied, value, i, *times), strict=True))
      rows.append(row)
    print(f'round {i + 1} of {_ROUNDS.value}', flush=True)
  return rows


def _read(path: pathlib.Path) -> list[dict[str, str]]:
  with path.open(newline='') as file:
    return list(csv.DictReader(file))


def _write(path: pathlib.Path, rows: list[dict[str, Any]]) -> None:
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, _COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def _plot(rows: list[dict[str, str]], path: pathlib.Path) -> None:
  """Medians over rounds with their range; one column per varied quantity."""
  figure = figure_lib.Figure(figsize=(10, 5.5), layout='constrained')
  axes = figure.subplots(2, len(_VALUES), sharey='row')
  for column, varied in enumerate(_VALUES):
    found = [row for row in rows if row['varied'] == varied]
    values = sorted({int(row['value']) for row in found})
    for axis, quantity in zip(
      axes[:, column], ('update_ms', 'action_us'), strict=True
    ):
      samples = [
        [float(row[quantity]) for row in found if int(row['value']) == value]
        for value in values
      ]
      axis.plot(values, [statistics.median(x) for x in samples], marker='o')
      axis.fill_between(
        values, [min(x) for x in samples], [max(x) for x in samples], alpha=0.2
      )
      axis.set(xscale='log', xticks=values, xticklabels=values)
      axis.minorticks_off()
      axis.grid(alpha=0.3)
    axes[1, column].set_xlabel(varied)
  # After everything is drawn, because it fixes the scale of the whole row.
  for axis in axes[:, 0]:
    axis.set_ylim(bottom=0)
  axes[0, 0].set_ylabel('update, ms')
  axes[1, 0].set_ylabel('action, µs')
  figure.savefig(path, dpi=120)


def main(argv: list[str]) -> None:
  """Measures, writes the table, and draws it."""
  scripts.begin(argv)
  try:
    table, picture = scripts.place_outputs(
      _OUTPUT.value, _ROOT, _TABLE, _PICTURE
    )
  except ValueError as error:
    sys.exit(f'error: {error}')
  resources.compute_in_calling_thread()
  if _PLOT.value:
    table = _TABLE
  else:
    _write(table, _measure())
  _plot(_read(table), picture)


if __name__ == '__main__':
  scripts.run(main)
