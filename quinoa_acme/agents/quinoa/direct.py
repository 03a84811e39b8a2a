"""The paper's single loss: Q = V + alpha D itself learns the TD target.

One TD loss trains policy and value at once (equation 3, and lines 2 to 7 of
Algorithm 2). The weights and the proximity term of a `DirectFit` are not in the
paper. See docs/decisions/0038-linear-energy.md.
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
  state: training_state.TrainingState,
  observation: Any,
) -> jax.Array:
  """V'(s') by the target network, at the current temperature; line 6.

  Args:
    networks: the networks.
    state: the state before the step.
    observation: s', a batch of B.

  Returns:
    V'(s'), [B], in units of reward.
  """
  target = state.target
  if not isinstance(target, training_state.SlowQ):
    return networks.value.apply(target, observation)
  policy = quinoa_networks.PolicyVariables(target.policy, state.temperature)
  return networks.soft_value(policy, target.value, observation)


def loss(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  fit: fit_lib.DirectFit,
  params: optimizer_lib.Params,
  state: training_state.TrainingState,
  batch: types.Transition,
  known: evaluation.Known,
  key: types.PRNGKey,
) -> evaluation.Fitted:
  """The loss as a function of the parameters; lines 2 to 5 and 7.

  Args:
    networks: the networks.
    config: the agent's options.
    fit: the options of this loss.
    params: the parameters to differentiate with respect to.
    state: the state before the step.
    batch: transitions, leaves [B, ...].
    known: the TD target and its parts.
    key: random key, for the sampled actions.

  Returns:
    Equation 2 at the replayed actions, and the parts of the loss.
  """
  observation = batch.observation
  fresh, replayed, value = _evaluate(
    networks, config, fit, params, state, batch, key
  )
  temperature, kl = evaluation.new_temperature(
    networks, config, state, value, replayed.log_ratio, fresh
  )
  log_ratio = replayed.log_ratio[0]
  weights = _weights(fit, log_ratio, networks.policy.num_dimensions)
  q = losses.soft_q(value, log_ratio, temperature)
  parts = {'td_loss': losses.weighted_td_loss(q, known.td_target, weights)}
  if fit.proximity:
    parts['proximity_loss'] = fit.proximity * losses.proximity_loss(
      losses.soft_q(value, fresh.log_ratio[0], temperature),
      _slow_q(networks, state, observation, fresh),
    )
  if config.conservatism:
    parts['conservative_loss'] = config.conservatism * losses.conservative_loss(
      replayed.log_ratio
    )
  metrics = {}
  if isinstance(fit.weights, fit_lib.LikelihoodWeights):
    metrics['weight_mean'] = jnp.mean(weights)
  return evaluation.Fitted(
    points=replayed,
    fresh_action=fresh.action,
    kl=kl,
    value=value,
    temperature=temperature,
    losses=parts,
    metrics=metrics,
    quantities={},
  )


def _evaluate(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  fit: fit_lib.DirectFit,
  params: optimizer_lib.Params,
  state: training_state.TrainingState,
  batch: types.Transition,
  key: types.PRNGKey,
) -> tuple[evaluation.Points, evaluation.Points, jax.Array]:
  """Evaluates sampled and replayed actions, and V, in one pass of the network.

  Three passes cost more: XLA would compute their gradients one after another,
  although the passes are alike.
  """
  observation = batch.observation
  policy = evaluation.policy_with(params, state)
  action = jnp.asarray(batch.action)[None]
  at_state = networks.policy.evaluate(
    policy, key, observation, action, fit.num_actions
  )

  def points(action: jax.Array, log_prob: jax.Array) -> evaluation.Points:
    prior_log_prob = evaluation.prior_log_prob(
      networks.policy, config, state.prior, observation, action
    )
    return evaluation.Points(action, log_prob, prior_log_prob)

  value = at_state.soft_value
  if value is None:
    value = networks.value.apply(params.value, observation)
  return (
    points(at_state.fresh_action, at_state.fresh_log_prob),
    points(action, at_state.log_prob),
    value,
  )


def _weights(
  fit: fit_lib.DirectFit, log_ratio: jax.Array, num_dimensions: int
) -> jax.Array:
  """The weight of each replayed action, [B]."""
  match fit.weights:
    case fit_lib.EvenWeights():
      return jnp.ones_like(log_ratio)
    case fit_lib.LikelihoodWeights(scale=scale, least=least):
      likelihood = losses.likelihood(log_ratio, scale * num_dimensions)
      return jnp.maximum(likelihood, least)


def _slow_q(
  networks: quinoa_networks.QuinoaNetworks,
  state: training_state.TrainingState,
  observation: Any,
  fresh: evaluation.Points,
) -> jax.Array:
  """Q' of the target networks at each state's first sampled action, [B]."""
  policy = quinoa_networks.PolicyVariables(
    state.target.policy, state.temperature
  )
  log_prob = networks.policy.log_prob(policy, observation, fresh.action[0])
  return losses.soft_q(
    networks.soft_value(policy, state.target.value, observation),
    losses.log_ratio(log_prob, fresh.prior_log_prob[0]),
    state.temperature,
  )
