"""Compares the policy's densities on this machine's GPU with its CPU's.

  python experiments/compare_devices.py --table=devices.csv

A learner makes updates on random transitions, so that the policy is no longer
uniform. Then actions of 1,024 states are sampled with their log-densities, and
the densities computed again by inverting the flow, on both devices and at
several precisions of JAX's products. Each is compared with the CPU's at full
precision. Without a GPU the CPU is compared with itself.
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
import platform  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from absl import flags  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402

from experiments.lib import random_data  # noqa: E402
from quinoa_acme.agents import agents  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_UPDATES = flags.DEFINE_integer(
  'num_updates', 1000, 'Updates before, a multiple of 50.', lower_bound=50
)
_TABLE = flags.DEFINE_string('table', None, 'A CSV file for the rows.')

_UPDATES_A_CALL = 50
_STATES = 1024
_ACTIONS_A_STATE = 4
_PRECISIONS = ('tensorfloat32', 'highest')


def learn(num_updates: int) -> tuple[quinoa.QuinoaNetworks, dict]:
  """Makes updates of the default agent on random transitions.

  Args:
    num_updates: number of updates, a multiple of 50.

  Returns:
    The networks, and the policy's variables.
  """
  config = dataclasses.replace(
    quinoa.QuinoaConfig(),
    num_sgd_steps_per_step=_UPDATES_A_CALL,
    min_replay_size=100_000,
  )
  learner = random_data.make_learner(config)
  for _ in range(num_updates // _UPDATES_A_CALL):
    learner.step()
  networks = agents.make_agent(config).make_networks(random_data.SPEC)
  return networks, learner.get_variables(['policy'])[0]


def densities(
  policy: quinoa.QuinoaPolicy, variables, device: Any, precision: str
) -> tuple[np.ndarray, np.ndarray]:
  """The log-densities of sampled actions, in two ways.

  Args:
    policy: the policy.
    variables: its variables.
    device: JAX's device to compute on.
    precision: of products, by JAX's name.

  Returns:
    From sampling, and by inverting the flow, float32 [4, 1024] each.
  """
  observation = np.random.default_rng(1).uniform(-1.0, 1.0, (_STATES, 24))

  @jax.jit
  def sample_and_invert(variables, observation):
    action, log_prob = policy.draw(
      variables, jax.random.PRNGKey(0), observation, _ACTIONS_A_STATE
    )
    return log_prob, policy.log_prob(variables, observation, action)

  with jax.default_device(device), jax.default_matmul_precision(precision):
    on_device = jax.device_put(
      (variables, observation.astype(np.float32)), device
    )
    log_prob, inverted = sample_and_invert(*on_device)
  return np.asarray(log_prob), np.asarray(inverted)


def main(argv: list[str]) -> None:
  """Prints a row for each device and precision."""
  scripts.begin(argv)
  table = _TABLE.value and pathlib.Path(_TABLE.value)
  try:
    if _UPDATES.value % _UPDATES_A_CALL:
      raise ValueError(
        f'--num_updates={_UPDATES.value}: expected a multiple of '
        f'{_UPDATES_A_CALL}.'
      )
    if table:
      scripts.check_output('table', table)
  except ValueError as error:
    sys.exit(f'error: {error}')
  about = {
    'num_updates': _UPDATES.value,
    'python': platform.python_version(),
    'jax': jax.__version__,
    **experiment.describe_source(),
  }
  networks, variables = learn(_UPDATES.value)
  cpu, here = jax.devices('cpu')[0], jax.devices()[0]
  exact, _ = densities(networks.policy, variables, cpu, 'highest')
  rows = []
  for device in dict.fromkeys((cpu, here)):
    for precision in _PRECISIONS:
      log_prob, inverted = densities(
        networks.policy, variables, device, precision
      )
      row = {
        'device': device.device_kind,
        'precision': precision,
        'largest_error': float(np.max(np.abs(log_prob - exact))),
        'largest_difference_of_inverse': float(
          np.max(np.abs(log_prob - inverted))
        ),
        'spread_of_log_prob': float(np.std(exact)),
      }
      rows.append(row | about)
      print(json.dumps(row), flush=True)
  if table:
    with table.open('w', newline='') as file:
      writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
      writer.writeheader()
      writer.writerows(rows)


if __name__ == '__main__':
  scripts.run(main)
