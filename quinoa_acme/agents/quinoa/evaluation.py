"""Policy, prior and V evaluated on a batch: the terms of equation 2."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from quinoa_acme.agents.common import updates as updates_lib
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import optimizer as optimizer_lib
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import temperature as temperature_lib
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.utils import common_types as types


class Points(NamedTuple):
  """N actions in each of B states, with their log-density."""

  # [N, B, *action].
  action: jax.Array
  # [N, B].
  log_prob: jax.Array
  # [N, B].
  prior_log_prob: jax.Array

  @property
  def log_ratio(self) -> jax.Array:
    """D, [N, B]."""
    return losses.log_ratio(self.log_prob, self.prior_log_prob)


class Known(NamedTuple):
  """What the loss treats as constant."""

  # V'(s'), or the soft value by target critics and a sampled action, [B].
  next_value: jax.Array
  # The factor on it in a multi-step target, [B].
  rest: jax.Array
  # The TD target y, [B].
  td_target: jax.Array


class Fitted(NamedTuple):
  """Equation 2, as computed in the loss."""

  # The actions at which Q was fitted, N per state.
  points: Points
  # Actions sampled from the current policy, K per state.
  fresh_action: jax.Array
  # KL divergence of policy and prior in nats, scalar: the mean of D over the
  # sampled actions.
  kl: jax.Array
  # [B].
  value: jax.Array
  # Scalar.
  temperature: jax.Array
  # The scalar terms of the loss, which is their sum.
  losses: updates_lib.Metrics
  # Metrics that only this fit reports, scalars.
  metrics: updates_lib.Metrics
  # Further arrays of this fit that must be finite.
  quantities: dict[str, jax.Array]


def prior_log_prob(
  policy: quinoa_networks.QuinoaPolicy,
  config: config_lib.QuinoaConfig,
  slow_policy: quinoa_networks.PolicyVariables,
  observation: Any,
  action: jax.Array,
) -> jax.Array:
  """The prior's log-density: actions [N, B, *action] to [N, B]."""
  if isinstance(config.prior, prior_lib.UniformPrior):
    return jnp.full(action.shape[:2], policy.uniform_log_prob)
  slow_log_prob = policy.log_prob(slow_policy, observation, action)
  return prior_lib.flatten(config.prior, slow_log_prob, policy.uniform_log_prob)


def fresh_points(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  policy: quinoa_networks.PolicyVariables,
  slow_policy: quinoa_networks.PolicyVariables,
  observation: Any,
  num_actions: int,
  key: types.PRNGKey,
) -> Points:
  """Samples actions from the current policy, with the sampler's log-density.

  Inverting the flow at clipped actions would bias the KL divergence.
  """
  action, log_prob = networks.policy.draw(policy, key, observation, num_actions)
  return Points(
    action,
    log_prob,
    prior_log_prob(networks.policy, config, slow_policy, observation, action),
  )


def replayed_points(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  policy: quinoa_networks.PolicyVariables,
  slow_policy: quinoa_networks.PolicyVariables,
  batch: types.Transition,
) -> Points:
  """The actions of the batch, as `Points` with N = 1."""
  action = jnp.asarray(batch.action)[None]
  return Points(
    action,
    networks.policy.log_prob(policy, batch.observation, action),
    prior_log_prob(
      networks.policy, config, slow_policy, batch.observation, action
    ),
  )


def policy_with(
  params: optimizer_lib.Params, state: training_state.TrainingState
) -> quinoa_networks.PolicyVariables:
  """The policy with these parameters instead of the state's."""
  return quinoa_networks.PolicyVariables(params.policy, state.temperature)


def new_temperature(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: training_state.TrainingState,
  value: jax.Array,
  log_ratio: jax.Array,
  fresh: Points,
) -> tuple[jax.Array, jax.Array]:
  """Line 4 of Algorithm 2: the new temperature, and the KL divergence.

  Args:
    networks: the networks.
    config: the agent's options.
    state: the state before the step.
    value: V(s), [B].
    log_ratio: D at the actions at which Q is fitted, [N, B].
    fresh: actions sampled from the current policy.

  Returns:
    alpha, and the mean of D over the sampled actions in nats; both scalars.
  """
  fresh_log_ratio = jax.lax.stop_gradient(fresh.log_ratio)
  kl = jnp.mean(fresh_log_ratio)
  temperature = temperature_lib.update(
    config.temperature,
    state.temperature,
    jnp.broadcast_to(value, log_ratio.shape).ravel(),
    log_ratio.ravel(),
    kl,
    fresh_log_ratio,
    networks.policy.num_dimensions,
  )
  return temperature, kl
