"""A second value, or a second flow and value, that hold V down together.

With `DirectFit` the target is r + gamma V'(s'), and V may rise where D falls.
Two that learn apart seldom rise at the same states, so that the smaller of the
two V' is the target of both. This is not in the Quinoa paper.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as networks_lib
from quinoa_acme.common_types import Observation
from quinoa_acme.common_types import Params
from quinoa_acme.common_types import PRNGKey


@dataclasses.dataclass(frozen=True)
class NoTwin:
  """One V and one flow, as in the paper.

  Examples:
    >>> twin: Twin = NoTwin()
  """


@dataclasses.dataclass(frozen=True)
class TwinValue:
  """Two V on one flow: Q_j = V_j + alpha D.

  Examples:
    >>> twin: Twin = TwinValue()
  """


@dataclasses.dataclass(frozen=True)
class TwinPair:
  """Two pairs of V and flow: Q_j = V_j + alpha D_j.

  The agent acts by the first flow. The temperature, a lagged prior, and the
  conservative penalty are also the first one's.

  Examples:
    >>> twin: Twin = TwinPair()
  """


Twin = NoTwin | TwinValue | TwinPair


class TwinParams(NamedTuple):
  """What the second one learns; `policy` is empty where the flow is shared."""

  policy: Params
  value: Params


def init(
  twin: Twin,
  networks: networks_lib.QuinoaNetworks,
  key: PRNGKey,
  observation: Observation,
  action: jax.Array,
) -> Any:
  """The parameters of the second one, apart from the first by their key.

  Args:
    twin: whether there is one, and of what.
    networks: the networks.
    key: a key that the first one does not have.
    observation: a batch of observations.
    action: the actions of that batch.

  Returns:
    A `TwinParams`, or {} without a twin.
  """
  if isinstance(twin, NoTwin):
    return {}
  policy_key, value_key = jax.random.split(key)
  has_policy = isinstance(twin, TwinPair)
  return TwinParams(
    policy=(
      networks.policy.init(policy_key, observation, action)
      if has_policy
      else {}
    ),
    value=networks.value.init(value_key, observation),
  )


def values(
  networks: networks_lib.QuinoaNetworks,
  params: tuple[Params, Params],
  observation: Observation,
) -> jax.Array:
  """The smaller of two V, [B].

  Args:
    networks: the networks.
    params: the parameters of each.
    observation: a batch of observations.
  """
  first, second = (networks.value.apply(x, observation) for x in params)
  return jnp.minimum(first, second)


def loss(
  networks: networks_lib.QuinoaNetworks,
  params: TwinParams,
  temperature: jax.Array,
  observation: Observation,
  action: jax.Array,
  log_ratio: jax.Array,
  prior_log_prob: jax.Array,
  target: jax.Array,
) -> jax.Array:
  """The second one's mean (y - Q)^2; equation 3.

  Args:
    networks: the networks.
    params: the second one's parameters.
    temperature: alpha, scalar.
    observation: a batch of observations.
    action: the replayed actions, [B, *action].
    log_ratio: the first flow's D of these, [B], for a twin without its own.
    prior_log_prob: the prior's log-density of these, [B].
    target: y, [B].

  Returns:
    A scalar.
  """
  if params.policy:
    variables = networks_lib.PolicyVariables(params.policy, temperature)
    log_ratio = losses.log_ratio(
      networks.policy.log_prob(variables, observation, action), prior_log_prob
    )
  value = networks.value.apply(params.value, observation)
  return losses.td_loss(losses.soft_q(value, log_ratio, temperature), target)
