"""Algorithm 2 of the paper as one pure update step.

`direct.py` has the loss of a `DirectFit`, `critics.py` that of a `CriticFit`,
and `targets.py` their targets.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp
import optax

from quinoa_acme.agents.common import averaging as averaging_lib
from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.common import updates as updates_lib
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import critics
from quinoa_acme.agents.quinoa import direct
from quinoa_acme.agents.quinoa import evaluation
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import optimizer as optimizer_lib
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import returns as returns_lib
from quinoa_acme.agents.quinoa import targets
from quinoa_acme.agents.quinoa import temperature as temperature_lib
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.utils import common_types as types

UpdateStep = updates_lib.UpdateStep[training_state.TrainingState]


def make_update_step(
  networks: quinoa_networks.QuinoaNetworks, config: config_lib.QuinoaConfig
) -> UpdateStep:
  """Makes the function for one SGD step, lines 2 to 8 of Algorithm 2.

  Args:
    networks: the networks.
    config: the agent's options.

  Returns:
    A pure function from a state and a batch of transitions (leaves [B, ...]) to
    the next state, scalar metrics, and a flag per quantity: was it finite?
  """
  optimizer = optimizer_lib.make_optimizer(config)

  def loss(params, state, batch, known, key):
    match config.fit:
      case fit_lib.DirectFit() as fit:
        fitted = direct.loss(
          networks, config, fit, params, state, batch, known, key
        )
      case fit_lib.CriticFit() as fit:
        fitted = critics.loss(
          networks, config, fit, params, state, batch, known, key
        )
    return jnp.sum(jnp.stack(list(fitted.losses.values()))), fitted

  loss_and_gradients = jax.value_and_grad(loss, has_aux=True)

  def update_step(state: training_state.TrainingState, batch: types.Transition):
    statistics = observations_lib.update(
      config.observations, state.statistics, batch.observation, state.steps
    )
    state, batch = training_state.normalised(state, batch)
    key, sample_key, next_key = jax.random.split(state.key, 3)
    known = targets.look_ahead(networks, config, state, batch, next_key)
    (value, fitted), gradients = loss_and_gradients(
      state.params, state, batch, known, sample_key
    )
    new_state = _descend(
      networks, optimizer, config, state, gradients, fitted.temperature, key
    )
    new_state = new_state._replace(statistics=statistics)
    metrics = {
      'loss': value,
      'gradient_norm': updates_lib.norm(gradients),
      'share_at_bounds': networks.policy.share_at_bounds(fitted.fresh_action),
      **_describe_fit(fitted, known, config, networks.policy.num_dimensions),
    }
    quantities = {
      'target value': known.next_value,
      'KL divergence': fitted.kl,
      'prior log-probability': fitted.points.prior_log_prob,
      'value': fitted.value,
      **fitted.quantities,
      'log-probability': fitted.points.log_prob,
      'temperature': fitted.temperature,
    }
    finite = updates_lib.check_finite(
      batch, quantities, value, gradients, new_state.params
    )
    return new_state, metrics, finite

  return update_step


def _descend(
  networks: quinoa_networks.QuinoaNetworks,
  optimizer: optax.GradientTransformation,
  config: config_lib.QuinoaConfig,
  state: training_state.TrainingState,
  gradients: optimizer_lib.Params,
  temperature: jax.Array,
  key: types.PRNGKey,
) -> training_state.TrainingState:
  """Lines 7 and 8: one step of the optimiser, then the next state."""
  updates, optimizer_state = optimizer.update(gradients, state.optimizer)
  params = cast(
    optimizer_lib.Params, optax.apply_updates(state.params, updates)
  )
  steps = state.steps + 1
  target, prior = _slow_copies(
    networks, config, state, params, temperature, steps
  )
  return training_state.TrainingState(
    params=params,
    target=target,
    prior=prior,
    optimizer=optimizer_state,
    temperature=temperature,
    key=key,
    steps=steps,
  )


def _slow_copies(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: training_state.TrainingState,
  params: optimizer_lib.Params,
  temperature: jax.Array,
  steps: jax.Array,
) -> tuple[Any, Any]:
  """Line 8: target networks and prior for the next step."""
  target = averaging_lib.update(
    config.target,
    training_state.target_of(networks, config, params),
    state.target,
    steps,
  )
  if isinstance(config.prior, prior_lib.UniformPrior):
    return target, state.prior
  policy = quinoa_networks.PolicyVariables(params.policy, temperature)
  prior = averaging_lib.update(
    config.prior.averaging, policy, state.prior, steps
  )
  return target, prior


def _describe_fit(
  fitted: evaluation.Fitted,
  known: evaluation.Known,
  config: config_lib.QuinoaConfig,
  num_dimensions: int,
) -> updates_lib.Metrics:
  """The metrics of one step; the agent's README explains them."""
  metrics = {
    'temperature': fitted.temperature,
    'kl': fitted.kl,
    'log_prob_min': jnp.min(fitted.points.log_prob),
    'log_prob_max': jnp.max(fitted.points.log_prob),
    'log_ratio_mean': jnp.mean(fitted.points.log_ratio),
    'log_ratio_min': jnp.min(fitted.points.log_ratio),
    'value_mean': jnp.mean(fitted.value),
    'value_std': jnp.std(fitted.value),
    'value_min': jnp.min(fitted.value),
    'value_max': jnp.max(fitted.value),
    'target_mean': jnp.mean(known.td_target),
    **fitted.metrics,
  }
  if len(fitted.losses) > 1:
    metrics |= fitted.losses
  if isinstance(config.returns, returns_lib.SoftReturn) and isinstance(
    config.returns.trace, returns_lib.CutTrace
  ):
    metrics['trace_mean'] = jnp.mean(known.rest)
  bound = temperature_lib.bound_on_kl(config.temperature, num_dimensions)
  if bound is not None:
    metrics['kl_over_epsilon'] = fitted.kl / bound
  return metrics
