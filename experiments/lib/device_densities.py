"""The policy's densities on one device of JAX beside those on another."""

from collections.abc import Iterator
import dataclasses
from typing import Any

import jax
import numpy as np

from experiments.lib import random_data
from quinoa_acme.agents import agents
from quinoa_acme.agents import quinoa

UPDATES_A_CALL = 50
_STATES = 1024
_ACTIONS_A_STATE = 4
_PRECISIONS = ('tensorfloat32', 'highest')


def learn(num_updates: int) -> tuple[quinoa.QuinoaNetworks, dict]:
  """Makes updates of the default agent on random transitions.

  Args:
    num_updates: number of updates, a multiple of `UPDATES_A_CALL`.

  Returns:
    The networks, and the policy's variables.
  """
  config = dataclasses.replace(
    quinoa.QuinoaConfig(),
    num_sgd_steps_per_step=UPDATES_A_CALL,
    min_replay_size=100_000,
  )
  learner = random_data.make_learner(config)
  for _ in range(num_updates // UPDATES_A_CALL):
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


def compare(num_updates: int) -> Iterator[dict[str, str | float]]:
  """Holds each device and precision against the CPU at full precision.

  Args:
    num_updates: number of updates before, a multiple of `UPDATES_A_CALL`.

  Yields:
    A row for each device and precision: the largest absolute difference of a
    log-density, in nats, from the CPU's, and from that by inverting the flow.
  """
  networks, variables = learn(num_updates)
  cpu, here = jax.devices('cpu')[0], jax.devices()[0]
  exact, _ = densities(networks.policy, variables, cpu, 'highest')
  for device in dict.fromkeys((cpu, here)):
    for precision in _PRECISIONS:
      log_prob, inverted = densities(
        networks.policy, variables, device, precision
      )
      yield {
        'device': device.device_kind,
        'precision': precision,
        'largest_error': float(np.max(np.abs(log_prob - exact))),
        'largest_difference_of_inverse': float(
          np.max(np.abs(log_prob - inverted))
        ),
        'spread_of_log_prob': float(np.std(exact)),
      }
