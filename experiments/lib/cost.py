"""The cost of an update and of an action, as the work grows."""

from collections.abc import Callable
import dataclasses
import time
from typing import Any

import jax
import numpy as np

from experiments.lib import random_data
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update as update_lib
from quinoa_acme.networks.flows import tilted
from quinoa_acme.utils import specs

COLUMNS: tuple[str, ...] = (
  'varied',
  'value',
  'round',
  'update_ms',
  'action_us',
)
# What varies, with its values, which include the default.
VALUES = {
  'action dimension': (1, 2, 6, 12, 24, 38, 64),
  'couplings': (2, 4, 6, 8),
  'batch': (64, 128, 256, 512, 1024),
}
DEFAULTS = {'action dimension': 6, 'couplings': 4, 'batch': 256}
_OBSERVATION = 17
_SECONDS = 0.5

# A call of the update, and one of the policy.
Calls = tuple[Callable[[], Any], Callable[[], Any]]


def make_calls(dimension: int, couplings: int, batch_size: int) -> Calls:
  """Makes what is timed.

  Args:
    dimension: of the actions.
    couplings: of the flow.
    batch_size: transitions of an update.

  Returns:
    An update, and an action in one state; the first call of each compiles.
  """
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


def time_call(call: Callable[[], Any]) -> float:
  """Seconds per call, averaged over half a second of calls."""
  count = 0
  started = time.perf_counter()
  while time.perf_counter() - started < _SECONDS:
    jax.block_until_ready(call())
    count += 1
  return (time.perf_counter() - started) / count


def measure(num_rounds: int) -> list[dict[str, Any]]:
  """Times all settings by turns.

  Args:
    num_rounds: how often each has its turn.

  Returns:
    A row of `COLUMNS` for each setting and round.
  """
  settings = _compile_all()
  rows = []
  for i in range(num_rounds):
    for (varied, value), (update, policy) in settings.items():
      times = (
        f'{time_call(update) * 1e3:.4g}',
        f'{time_call(policy) * 1e6:.4g}',
      )
      row = dict(zip(COLUMNS, (varied, value, i, *times), strict=True))
      rows.append(row)
    print(f'round {i + 1} of {num_rounds}', flush=True)
  return rows


def _compile_all() -> dict[tuple[str, int], Calls]:
  """The calls by what varies and its value."""
  settings: dict[tuple[str, int], Calls] = {}
  for varied, values in VALUES.items():
    for value in values:
      sizes = DEFAULTS | {varied: value}
      calls = make_calls(*sizes.values())
      for call in calls:
        jax.block_until_ready(call())
      settings[varied, value] = calls
      print(f'compiled: {varied} {value}', flush=True)
  return settings
