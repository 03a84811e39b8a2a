"""The TD target y, over one or several steps: line 6 of Algorithm 2."""

import jax
import jax.numpy as jnp

from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import critics
from quinoa_acme.agents.quinoa import direct
from quinoa_acme.agents.quinoa import evaluation
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import returns as returns_lib
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.data import transitions
from quinoa_acme.utils import common_types as types


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
  state, batch = training_state.normalised(state, batch)
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
