"""The state that the learner carries from one SGD step to the next."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.quinoa import acting
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import optimizer as optimizer_lib
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import temperature as temperature_lib
from quinoa_acme.utils import common_types as types


class SlowQ(NamedTuple):
  """The target networks of Q = V + alpha D as a whole."""

  policy: types.Params
  value: types.Params


class TrainingState(NamedTuple):
  """The state that the learner carries from step to step.

  `target` holds the target networks: of V, of the critics, or a `SlowQ` if V
  comes from the policy's network or the loss has a proximity term. `prior`
  holds the `PolicyVariables` of a lagged prior, and is empty for a uniform one.
  `statistics` are those by which the networks normalise observations, or None.
  """

  params: optimizer_lib.Params
  target: Any
  prior: Any
  optimizer: optax.OptState
  temperature: jax.Array
  key: types.PRNGKey
  steps: jax.Array
  statistics: observations_lib.Statistics | None = None


def make_initial_state(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  key: types.PRNGKey,
  observation: Any,
  action: jax.Array,
) -> TrainingState:
  """The state before the first step.

  Args:
    networks: the networks.
    config: the agent's options.
    key: the learner's random key.
    observation: a batch of observations, from which layers with a
      data-dependent initialisation take their statistics.
    action: the actions of that batch.

  Returns:
    The state. Another batch with the same key changes only what depends on the
    data.
  """
  policy_key, value_key, critic_key, key = jax.random.split(key, 4)
  statistics = observations_lib.initial(config.observations, observation)
  observation = observations_lib.normalise(statistics, observation)
  params = optimizer_lib.Params(
    policy=networks.policy.init(policy_key, observation, action),
    value=networks.value.init(value_key, observation),
    critics=_init_critics(networks, config, critic_key, observation, action),
  )
  temperature = temperature_lib.initial(config.temperature)
  policy = quinoa_networks.PolicyVariables(params.policy, temperature)
  has_prior = isinstance(config.prior, prior_lib.LaggedPrior)
  # Copies, because donated buffers must not be shared.
  return TrainingState(
    params=params,
    target=jax.tree_util.tree_map(
      jnp.copy, target_of(networks, config, params)
    ),
    prior=jax.tree_util.tree_map(jnp.copy, policy) if has_prior else {},
    optimizer=optimizer_lib.make_optimizer(config).init(params),
    temperature=temperature,
    key=key,
    steps=jnp.asarray(0, jnp.int32),
    statistics=statistics,
  )


def _init_critics(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  key: types.PRNGKey,
  observation: Any,
  action: jax.Array,
) -> types.Params:
  """The critics' parameters, a different initialisation for each."""
  if isinstance(config.fit, fit_lib.DirectFit):
    return {}
  keys = jax.random.split(key, config.fit.num_critics)
  init = jax.vmap(networks.critic.init, in_axes=(0, None, None))
  return init(keys, observation, action)


def target_of(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  params: optimizer_lib.Params,
) -> Any:
  """The parameters that the target networks follow."""
  if isinstance(config.fit, fit_lib.CriticFit):
    return params.critics
  if (
    config.fit.proximity
    or networks.policy.soft_value is not None
    or isinstance(config.evaluation_network, acting.TargetNetwork)
  ):
    return SlowQ(params.policy, params.value)
  return params.value


def policy_of(state: TrainingState) -> quinoa_networks.PolicyVariables:
  """The policy in a state, in the form that actors take."""
  return quinoa_networks.PolicyVariables(
    state.params.policy, state.temperature, state.statistics
  )


def evaluation_policy_of(
  config: config_lib.QuinoaConfig, state: TrainingState
) -> quinoa_networks.PolicyVariables:
  """The policy to evaluate, in the form that actors take."""
  match config.evaluation_network:
    case acting.OnlineNetwork():
      return policy_of(state)
    case acting.TargetNetwork():
      return quinoa_networks.PolicyVariables(
        state.target.policy, state.temperature, state.statistics
      )
