"""SVG(0) as one pure update step: the critic by TD, the policy through it."""

import functools
from typing import Any, cast, NamedTuple

import jax
import jax.numpy as jnp
import optax

from quinoa_acme.agents.common import averaging as averaging_lib
from quinoa_acme.agents.common import updates as updates_lib
from quinoa_acme.agents.quinoa import losses as quinoa_losses
from quinoa_acme.agents.svg0 import config as config_lib
from quinoa_acme.agents.svg0 import losses
from quinoa_acme.agents.svg0 import networks as svg0_networks
from quinoa_acme.agents.svg0 import regularisation as regularisation_lib
from quinoa_acme.utils import common_types as types


class Params(NamedTuple):
  """The parameters that gradient descent changes."""

  policy: types.Params
  critic: types.Params


class TrainingState(NamedTuple):
  """The state that the learner carries from step to step.

  `target` holds the parameters of the target critic. `prior` holds those of the
  lagged copy of the policy; it is empty if there is none.
  """

  params: Params
  target: types.Params
  prior: types.Params
  optimizer: optax.OptState
  key: types.PRNGKey
  steps: jax.Array


UpdateStep = updates_lib.UpdateStep[TrainingState]


def make_optimizer(
  config: config_lib.SVG0Config,
) -> optax.GradientTransformation:
  """Adam, with separate learning rates for policy and critic."""
  return optax.multi_transform(
    {
      'policy': optax.adam(config.policy_learning_rate),
      'critic': optax.adam(config.critic_learning_rate),
    },
    Params(policy='policy', critic='critic'),  # pyright: ignore[reportArgumentType]  Labels in the place of parameters.
  )


def make_initial_state(
  networks: svg0_networks.SVG0Networks,
  config: config_lib.SVG0Config,
  key: types.PRNGKey,
) -> TrainingState:
  """The state before the first step.

  Args:
    networks: the networks.
    config: the agent's options.
    key: the learner's random key.

  Returns:
    The state.
  """
  policy_key, critic_key, key = jax.random.split(key, 3)
  params = Params(
    policy=networks.policy.init(policy_key, networks.example_observation),
    critic=networks.critic.init(
      critic_key, networks.example_observation, networks.example_action
    ),
  )
  has_prior = isinstance(
    config.regularisation, regularisation_lib.KLRegularisation
  )
  # Copies, because donated buffers must not be shared.
  return TrainingState(
    params=params,
    target=jax.tree_util.tree_map(jnp.copy, params.critic),
    prior=jax.tree_util.tree_map(jnp.copy, params.policy) if has_prior else {},
    optimizer=make_optimizer(config).init(params),
    key=key,
    steps=jnp.asarray(0, jnp.int32),
  )


class _Fresh(NamedTuple):
  """K actions sampled from the current policy in each state of a batch."""

  # [K, B, *action].
  action: jax.Array
  # [K, B].
  log_prob: jax.Array
  # The KL divergence of policy and prior in nats, [B].
  kl: jax.Array
  # The regularisation's penalty on the value, [B].
  penalty: jax.Array


class _Fitted(NamedTuple):
  """The results of the loss."""

  fresh: _Fresh
  # Q of the sampled actions, [K, B].
  fresh_q: jax.Array
  # Q of the replayed actions, [B].
  q: jax.Array
  critic_loss: jax.Array
  policy_loss: jax.Array


def make_update_step(
  networks: svg0_networks.SVG0Networks, config: config_lib.SVG0Config
) -> UpdateStep:
  """Makes the function for one SGD step of critic and policy.

  Args:
    networks: the networks.
    config: the agent's options.

  Returns:
    A pure function from a state and a batch of transitions (leaves [B, ...]) to
    the next state, scalar metrics, and a flag per quantity: was it finite?
  """
  optimizer = make_optimizer(config)
  loss_and_gradients = jax.value_and_grad(
    functools.partial(_loss, networks, config), has_aux=True
  )

  def update_step(state: TrainingState, batch: types.Transition):
    key, target_key, policy_key = jax.random.split(state.key, 3)
    next_value = _next_value(networks, config, state, batch, target_key)
    target = quinoa_losses.td_target(
      jnp.asarray(batch.reward, jnp.float32),
      config.discount * jnp.asarray(batch.discount, jnp.float32),
      next_value,
    )
    (loss, fitted), gradients = loss_and_gradients(
      state.params, state.prior, batch, target, policy_key
    )
    moves, optimizer_state = optimizer.update(gradients, state.optimizer)
    params = cast(Params, optax.apply_updates(state.params, moves))
    steps = state.steps + 1
    new_state = TrainingState(
      params=params,
      target=averaging_lib.update(
        config.target, params.critic, state.target, steps
      ),
      prior=_update_prior(config, params, state.prior, steps),
      optimizer=optimizer_state,
      key=key,
      steps=steps,
    )
    metrics = _describe(networks, config, fitted, target, gradients)
    quantities = {
      'target value': next_value,
      'critic': fitted.q,
      'log-probability': fitted.fresh.log_prob,
      'KL divergence': fitted.fresh.kl,
      'value of sampled actions': fitted.fresh_q,
    }
    finite = updates_lib.check_finite(
      batch, quantities, loss, gradients, params
    )
    return new_state, metrics, finite

  return update_step


def _sample_fresh(
  networks: svg0_networks.SVG0Networks,
  config: config_lib.SVG0Config,
  params: types.Params,
  prior: types.Params,
  observation: Any,
  key: types.PRNGKey,
) -> _Fresh:
  """Samples actions, and computes the regularisation's penalty."""
  policy = networks.policy
  action, log_prob = policy.sample_and_log_prob(
    params, key, observation, config.num_actions
  )
  kl = jnp.mean(log_prob, axis=0) - policy.uniform_log_prob
  match config.regularisation:
    case regularisation_lib.NoRegularisation():
      weight = 0.0
    case regularisation_lib.EntropyRegularisation():
      weight = config.regularisation.weight
    case regularisation_lib.KLRegularisation():
      weight = config.regularisation.weight
      kl = policy.relative_entropy(params, prior, observation)
  return _Fresh(action, log_prob, kl, weight * kl)


def _next_value(
  networks: svg0_networks.SVG0Networks,
  config: config_lib.SVG0Config,
  state: TrainingState,
  batch: types.Transition,
  key: types.PRNGKey,
) -> jax.Array:
  """V'(s') of the target critic at sampled actions, [B]."""
  following = _sample_fresh(
    networks,
    config,
    state.params.policy,
    state.prior,
    batch.next_observation,
    key,
  )
  q = networks.critic.apply(
    state.target, batch.next_observation, following.action
  )
  return losses.state_value(q, following.penalty)


def _loss(
  networks: svg0_networks.SVG0Networks,
  config: config_lib.SVG0Config,
  params: Params,
  prior: types.Params,
  batch: types.Transition,
  target: jax.Array,
  key: types.PRNGKey,
) -> tuple[jax.Array, _Fitted]:
  """The losses of critic and policy; each moves only its own parameters."""
  q = networks.critic.apply(params.critic, batch.observation, batch.action)
  fresh = _sample_fresh(
    networks, config, params.policy, prior, batch.observation, key
  )
  fresh_q = networks.critic.apply(
    jax.lax.stop_gradient(params.critic), batch.observation, fresh.action
  )
  critic_loss = quinoa_losses.td_loss(q, target)
  policy_loss = losses.policy_loss(fresh_q, fresh.penalty)
  fitted = _Fitted(fresh, fresh_q, q, critic_loss, policy_loss)
  return critic_loss + policy_loss, fitted


def _update_prior(
  config: config_lib.SVG0Config,
  params: Params,
  prior: types.Params,
  steps: jax.Array,
) -> types.Params:
  """The lagged copy of the policy for the next step, if there is one."""
  match config.regularisation:
    case regularisation_lib.KLRegularisation():
      return averaging_lib.update(
        config.regularisation.averaging, params.policy, prior, steps
      )
    case _:
      return prior


def _describe(
  networks: svg0_networks.SVG0Networks,
  config: config_lib.SVG0Config,
  fitted: _Fitted,
  target: jax.Array,
  gradients: Params,
) -> updates_lib.Metrics:
  """The metrics of one step; the agent's README explains them."""
  metrics = {
    'critic_loss': fitted.critic_loss,
    'critic_mean': jnp.mean(fitted.q),
    'critic_min': jnp.min(fitted.q),
    'critic_max': jnp.max(fitted.q),
    # The policy's objective.
    'value_mean': -fitted.policy_loss,
    'target_mean': jnp.mean(target),
    'entropy': -jnp.mean(fitted.fresh.log_prob),
    'gradient_norm': updates_lib.norm(gradients),
    'policy_gradient_norm': updates_lib.norm(gradients.policy),
    'share_at_bounds': networks.policy.share_at_bounds(fitted.fresh.action),
  }
  if isinstance(config.regularisation, regularisation_lib.KLRegularisation):
    metrics['kl'] = jnp.mean(fitted.fresh.kl)
  return metrics
