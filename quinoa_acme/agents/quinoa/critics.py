"""Critics learn the TD target, and Q = V + alpha D is fitted to the critics.

This is not in the paper. See docs/decisions/0017-returns.md.
"""

from typing import Any

import jax
import jax.numpy as jnp

from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import evaluation
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import optimizer as optimizer_lib
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.utils import common_types as types


def next_value(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  fit: fit_lib.CriticFit,
  state: training_state.TrainingState,
  observation: Any,
  key: types.PRNGKey,
) -> jax.Array:
  """Q'(a', s') - alpha D(a', s') of the target critics at a sampled action a'.

  Args:
    networks: the networks.
    config: the agent's options.
    fit: the critics' options.
    state: the state before the step.
    observation: s', a batch of B.
    key: random key, for the action.

  Returns:
    An estimate of V'(s'), [B], in units of reward.
  """
  following = evaluation.fresh_points(
    networks,
    config,
    training_state.policy_of(state),
    state.prior,
    observation,
    1,
    key,
  )
  critics = _apply(networks, state.target, observation, following.action[0])
  return losses.soft_value(
    losses.pool(critics, fit.pessimism),
    following.log_ratio[0],
    state.temperature,
  )


def loss(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  fit: fit_lib.CriticFit,
  params: optimizer_lib.Params,
  state: training_state.TrainingState,
  batch: types.Transition,
  known: evaluation.Known,
  key: types.PRNGKey,
) -> evaluation.Fitted:
  """The critics' TD loss, plus the least-squares fit of V + alpha D to them.

  Args:
    networks: the networks.
    config: the agent's options.
    fit: the critics' options.
    params: the parameters to differentiate with respect to.
    state: the state before the step.
    batch: transitions, leaves [B, ...].
    known: the TD target and its parts.
    key: random key, for the sampled actions.

  Returns:
    Equation 2 at the sampled actions, and the parts of the loss.
  """
  observation = batch.observation
  policy = evaluation.policy_with(params, state)
  fresh = evaluation.fresh_points(
    networks, config, policy, state.prior, observation, fit.num_actions, key
  )
  value = networks.soft_value(policy, params.value, observation)
  temperature, kl = evaluation.new_temperature(
    networks, config, state, value, fresh.log_ratio, fresh
  )
  critics = _apply(networks, params.critics, observation, batch.action)
  fresh_q = losses.pool(
    _apply(networks, params.critics, observation, fresh.action), fit.pessimism
  )
  parts = {
    'critic_loss': losses.critic_loss(critics, known.td_target),
    'policy_loss': losses.policy_fit_loss(
      fresh_q, fresh.log_ratio, temperature
    ),
    'value_loss': losses.value_fit_loss(
      value, fresh_q, fresh.log_ratio, temperature
    ),
  }
  if config.conservatism:
    replayed = evaluation.replayed_points(
      networks, config, policy, state.prior, batch
    )
    parts['conservative_loss'] = config.conservatism * losses.conservative_loss(
      replayed.log_ratio
    )
  return evaluation.Fitted(
    points=fresh,
    fresh_action=fresh.action,
    kl=kl,
    value=value,
    temperature=temperature,
    losses=parts,
    metrics={'critic_mean': jnp.mean(critics)},
    quantities={'critics': critics},
  )


def _apply(
  networks: quinoa_networks.QuinoaNetworks,
  params: types.Params,
  observation: Any,
  action: jax.Array,
) -> jax.Array:
  """The value of each critic, [C, ..., B], for actions [..., B, *action]."""
  # One by one: on a CPU this is faster than batched matrix products.
  num_critics = jax.tree_util.tree_leaves(params)[0].shape[0]
  values = [
    networks.critic.apply(
      jax.tree_util.tree_map(lambda x, i=i: x[i], params), observation, action
    )
    for i in range(num_critics)
  ]
  return jnp.stack(values)
