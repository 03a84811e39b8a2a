"""Algorithm 2 of the paper as one pure update step.

`direct.py` has the loss of a `DirectFit`, `critics.py` that of a `CriticFit`.
The TD target y of line 6, over one or several steps, is `look_ahead`.
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
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import optimizer as optimizer_lib
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import returns as returns_lib
from quinoa_acme.agents.quinoa import temperature as temperature_lib
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.data import transitions
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
    state, batch = normalised(state, batch)
    key, sample_key, next_key = jax.random.split(state.key, 3)
    known = look_ahead(networks, config, state, batch, next_key)
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


def normalised(
  state: training_state.TrainingState, batch: types.Transition
) -> tuple[training_state.TrainingState, types.Transition]:
  """Normalises a batch as its state says.

  Args:
    state: a state.
    batch: transitions, leaves [B, ...], with observations as replay holds them.

  Returns:
    A state whose networks take observations as they are given, and the batch to
    give to them.
  """
  statistics = state.statistics
  if statistics is None:
    return state, batch

  def normalise(observation: Any) -> Any:
    return observations_lib.normalise(statistics, observation)

  changes = {
    'observation': normalise(batch.observation),
    'next_observation': normalise(batch.next_observation),
  }
  if transitions.num_steps(batch) > 1:
    later = batch.extras
    changes['extras'] = later._replace(observation=normalise(later.observation))
  return state._replace(statistics=None), batch._replace(**changes)


def look_ahead(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: training_state.TrainingState,
  batch: types.Transition,
  key: types.PRNGKey,
) -> evaluation.Known:
  """The TD target and its parts.

  Args:
    networks: the networks.
    config: the agent's options.
    state: the state to bootstrap from.
    batch: transitions, leaves [B, ...].
    key: random key, for the next state's action.

  Returns:
    What the loss treats as constant.

  Raises:
    ValueError: if the transitions do not span the target's number of steps.
  """
  _check_window(config, batch)
  state, batch = normalised(state, batch)
  match config.fit:
    case fit_lib.DirectFit():
      next_value = direct.next_value(networks, state, batch.next_observation)
    case fit_lib.CriticFit() as fit:
      next_value = critics.next_value(
        networks, config, fit, state, batch.next_observation, key
      )
  reward = jnp.asarray(batch.reward, jnp.float32)
  discount = config.discount * jnp.asarray(batch.discount, jnp.float32)
  rest = jnp.ones_like(reward)
  if config.reward_scale != 1.0:
    reward = config.reward_scale * reward
  if isinstance(config.returns, returns_lib.SoftReturn):
    later, rest = _soft_return(
      networks, config, config.returns.trace, state, batch.extras
    )
    reward = reward + later
  td_target = losses.td_target(reward, discount * rest, next_value)
  return evaluation.Known(next_value, rest, td_target)


def td_target(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: training_state.TrainingState,
  batch: types.Transition,
  key: types.PRNGKey,
) -> jax.Array:
  """The TD target y of an SGD step in this state.

  Args:
    networks: the networks.
    config: the agent's options.
    state: the state to bootstrap from.
    batch: transitions, leaves [B, ...].
    key: random key, for the next state's action.

  Returns:
    y, [B], in units of reward.
  """
  return look_ahead(networks, config, state, batch, key).td_target


def _check_window(
  config: config_lib.QuinoaConfig, batch: types.Transition
) -> None:
  """Raises a ValueError if transitions span another number of steps."""
  given = transitions.num_steps(batch)
  if given != config.window:
    raise ValueError(
      f'returns={config.returns} learns from transitions over '
      f'{_in_words(config.window)}, but these are over {_in_words(given)}. '
      "Transitions of Acme's kind are over one: learn from them by "
      'returns=OneStep().'
    )


def _in_words(steps: int) -> str:
  return 'one step' if steps == 1 else f'{steps} steps, held one by one'


def _soft_return(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  trace: returns_lib.Trace,
  state: training_state.TrainingState,
  later: transitions.Later,
) -> losses.SoftReturn:
  """The part of a multi-step target that follows the first reward.

  The leaves of `later` are [B, n - 1, ...]; they are evaluated as one batch of
  B (n - 1).
  """
  shape = later.reward.shape

  def in_one_row(x: jax.Array) -> jax.Array:
    return jnp.reshape(x, (-1, *x.shape[2:]))

  observation = jax.tree_util.tree_map(in_one_row, later.observation)
  action = in_one_row(jnp.asarray(later.action))[None]
  policy = networks.policy
  log_ratio = losses.log_ratio(
    policy.log_prob(training_state.policy_of(state), observation, action),
    evaluation.prior_log_prob(policy, config, state.prior, observation, action),
  )
  log_ratio = jnp.reshape(log_ratio, shape)
  steps = (
    config.reward_scale * jnp.asarray(later.reward),
    log_ratio,
    jnp.asarray(later.weight),
    state.temperature,
  )
  if isinstance(trace, returns_lib.UncutTrace):
    return losses.soft_return(*steps)
  value = networks.soft_value(
    training_state.policy_of(state), state.params.value, observation
  )
  traces = losses.likelihood(log_ratio, trace.scale * policy.num_dimensions)
  return losses.cut_soft_return(*steps, jnp.reshape(value, shape), traces)


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
