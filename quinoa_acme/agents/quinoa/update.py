"""Algorithm 2 of the paper as one pure update step, and the fit to critics."""

import functools
from typing import Any, cast, NamedTuple

from acme import types
from acme.jax import networks as networks_lib
import jax
import jax.numpy as jnp
import optax

from quinoa_acme import transitions
from quinoa_acme.agents import averaging as averaging_lib
from quinoa_acme.agents import updates as updates_lib
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import returns as returns_lib
from quinoa_acme.agents.quinoa import temperature as temperature_lib
from quinoa_acme.networks import energy

Metrics = updates_lib.Metrics


class Params(NamedTuple):
  """What gradient descent moves: theta and phi of the paper, and critics.

  `critics` has all critics' parameters in one tree, each leaf with a leading
  dimension C, and is empty where there are none.
  """

  policy: networks_lib.Params
  value: networks_lib.Params
  critics: networks_lib.Params


class SlowQ(NamedTuple):
  """The target networks of a whole Q = V + alpha D."""

  policy: networks_lib.Params
  value: networks_lib.Params


class TrainingState(NamedTuple):
  """Everything that the learner carries from step to step.

  `target` holds the parameters that the TD target is made of: V's, or the
  critics', or a `SlowQ` where V comes from the policy's network or the loss has
  a proximity term. `prior` holds the `PolicyVariables` of a lagged prior, and
  is empty for a uniform one.
  """

  params: Params
  target: Any
  prior: Any
  optimizer: optax.OptState
  temperature: jax.Array
  key: networks_lib.PRNGKey
  steps: jax.Array


def make_optimizer(
  config: config_lib.QuinoaConfig,
) -> optax.GradientTransformation:
  """Adam on the gradient clipped by its global norm (section 4).

  Critics, if there are any, have a norm and a learning rate of their own.
  """

  def clipped_adam(learning_rate: float) -> optax.GradientTransformation:
    # On one vector: dozens of small kernels take twice as long on a CPU.
    return optax.flatten(
      optax.chain(
        updates_lib.clip_by_norm(config.max_gradient_norm),
        optax.adam(learning_rate),
      )
    )

  quinoa = clipped_adam(config.learning_rate)
  factor = 1.0
  if isinstance(config.flow, energy.EnergyFlowConfig):
    factor = energy.learning_rate_factor(config.flow.couplings)
  if factor != 1.0:
    quinoa = optax.chain(quinoa, _slow_couplings(factor))
  if isinstance(config.fit, fit_lib.DirectFit):
    return quinoa
  return optax.multi_transform(
    {'quinoa': quinoa, 'critics': clipped_adam(config.fit.learning_rate)},
    Params('quinoa', 'quinoa', critics='critics'),  # pyright: ignore[reportArgumentType]  Labels in the place of parameters.
  )


def _slow_couplings(factor: float) -> optax.GradientTransformation:
  """Scales the updates of an energy flow's couplings."""

  def scale(path, update):
    # Of a Haiku tree, in the tree of all parameters: the module, by its path.
    names = [key.key for key in path if isinstance(key, jax.tree_util.DictKey)]
    is_slow = any(energy.is_of_couplings(str(name)) for name in names)
    return factor * update if is_slow else update

  def slow_down(updates, params):
    del params
    return jax.tree_util.tree_map_with_path(scale, updates)

  return optax.stateless(slow_down)


def make_initial_state(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  key: networks_lib.PRNGKey,
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
    The state; called again with the same key and another batch it differs in
    nothing but what depends on the data.
  """
  policy_key, value_key, critic_key, key = jax.random.split(key, 4)
  params = Params(
    policy=networks.policy.init(policy_key, observation, action),
    value=networks.value.init(value_key, observation),
    critics=_init_critics(networks, config, critic_key, observation, action),
  )
  temperature = temperature_lib.initial(config.temperature)
  policy = quinoa_networks.PolicyVariables(params.policy, temperature)
  has_prior = isinstance(config.prior, prior_lib.LaggedPrior)
  # The slow parameters are copies: donated buffers must not be shared.
  return TrainingState(
    params=params,
    target=jax.tree_util.tree_map(
      jnp.copy, _target_of(networks, config, params)
    ),
    prior=jax.tree_util.tree_map(jnp.copy, policy) if has_prior else {},
    optimizer=make_optimizer(config).init(params),
    temperature=temperature,
    key=key,
    steps=jnp.asarray(0, jnp.int32),
  )


def _init_critics(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  key: networks_lib.PRNGKey,
  observation: Any,
  action: jax.Array,
) -> networks_lib.Params:
  """The critics' parameters, which start apart."""
  if isinstance(config.fit, fit_lib.DirectFit):
    return {}
  keys = jax.random.split(key, config.fit.num_critics)
  init = jax.vmap(networks.critic.init, in_axes=(0, None, None))
  return init(keys, observation, action)


def _target_of(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  params: Params,
) -> Any:
  """The parameters that the slow ones of the TD target follow."""
  if isinstance(config.fit, fit_lib.CriticFit):
    return params.critics
  if config.fit.proximity or networks.policy.soft_value is not None:
    return SlowQ(params.policy, params.value)
  return params.value


def _slow_value(
  networks: quinoa_networks.QuinoaNetworks,
  state: TrainingState,
  observation: Any,
) -> jax.Array:
  """V' of a direct fit, at the temperature of now, [B]."""
  target = state.target
  if not isinstance(target, SlowQ):
    return networks.value.apply(target, observation)
  policy = quinoa_networks.PolicyVariables(target.policy, state.temperature)
  return networks.soft_value(policy, target.value, observation)


def policy_of(state: TrainingState) -> quinoa_networks.PolicyVariables:
  """The policy of a state, as actors take it."""
  return quinoa_networks.PolicyVariables(state.params.policy, state.temperature)


class _Points(NamedTuple):
  """N actions in each of B states, and what policy and prior say of them.

  Q is fitted at the replayed ones by a `DirectFit`, so that N = 1, and at N = K
  fresh ones by a `CriticFit`.
  """

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


class _Known(NamedTuple):
  """What the loss takes as given."""

  # V', or the soft value that the target critics and a fresh action give, [B].
  next_value: jax.Array
  # How much of it the target over several steps has, [B].
  rest: jax.Array
  # The TD target y, [B].
  td_target: jax.Array


class _Fitted(NamedTuple):
  """Equation 2 as the loss computed it."""

  # Where Q was fitted, N actions a state.
  points: _Points
  # The K actions a state that the policy takes now.
  fresh_action: jax.Array
  # The relative entropy of policy and prior in nats, scalar: the mean of D of
  # the fresh actions.
  kl: jax.Array
  # [B].
  value: jax.Array
  # Scalar.
  temperature: jax.Array
  # The critics' values of the replayed actions, [C, B].
  critics: jax.Array
  # How much each transition counts, [B].
  weights: jax.Array
  # The scalars that the loss is the sum of.
  losses: Metrics


UpdateStep = updates_lib.UpdateStep[TrainingState]


def make_update_step(
  networks: quinoa_networks.QuinoaNetworks, config: config_lib.QuinoaConfig
) -> UpdateStep:
  """Makes one SGD step, lines 2 to 8 of Algorithm 2.

  Args:
    networks: the networks.
    config: the agent's options.

  Returns:
    A pure function from a state and a batch of transitions (leaves [B, ...]) to
    the next state, scalar metrics, and of each quantity whether it was finite.
  """
  optimizer = make_optimizer(config)
  loss_and_gradients = jax.value_and_grad(
    functools.partial(_loss, networks, config), has_aux=True
  )

  def update_step(state: TrainingState, batch: types.Transition):
    _check_window(config, batch)
    key, sample_key, next_key = jax.random.split(state.key, 3)
    known = _look_ahead(networks, config, state, batch, next_key)
    (loss, fitted), gradients = loss_and_gradients(
      state.params, state, batch, known, sample_key
    )
    new_state = _descend(
      networks, optimizer, config, state, gradients, fitted.temperature, key
    )
    metrics = {
      'loss': loss,
      'gradient_norm': updates_lib.norm(gradients),
      'share_at_bounds': networks.policy.share_at_bounds(fitted.fresh_action),
      **_describe_fit(fitted, known, config, networks.policy.num_dimensions),
    }
    quantities = {
      'target value': known.next_value,
      'relative entropy': fitted.kl,
      'prior log-probability': fitted.points.prior_log_prob,
      'value': fitted.value,
      'critics': fitted.critics,
      'log-probability': fitted.points.log_prob,
      'temperature': fitted.temperature,
    }
    finite = updates_lib.check_finite(
      batch, quantities, loss, gradients, new_state.params
    )
    return new_state, metrics, finite

  return update_step


def td_target(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: TrainingState,
  batch: types.Transition,
  key: networks_lib.PRNGKey,
) -> jax.Array:
  """The TD target y that an SGD step in this state would take.

  Args:
    networks: the networks.
    config: the agent's options.
    state: what it bootstraps from.
    batch: transitions, leaves [B, ...].
    key: of the next state's action.

  Returns:
    y, [B], in units of reward.
  """
  _check_window(config, batch)
  return _look_ahead(networks, config, state, batch, key).td_target


def _prior_log_prob(
  policy: quinoa_networks.QuinoaPolicy,
  config: config_lib.QuinoaConfig,
  slow_policy: quinoa_networks.PolicyVariables,
  observation: Any,
  action: jax.Array,
) -> jax.Array:
  """The prior's log-density of actions, [N, B, *action] to [N, B]."""
  if isinstance(config.prior, prior_lib.UniformPrior):
    return jnp.full(action.shape[:2], policy.uniform_log_prob)
  slow_log_prob = policy.log_prob(slow_policy, observation, action)
  return prior_lib.flatten(config.prior, slow_log_prob, policy.uniform_log_prob)


def _fresh_points(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  policy: quinoa_networks.PolicyVariables,
  slow_policy: quinoa_networks.PolicyVariables,
  observation: Any,
  num_actions: int,
  key: networks_lib.PRNGKey,
) -> _Points:
  """Actions that the policy takes now, with the density that sampling gives.

  Inverting the flow at clipped actions would bias the relative entropy.
  """
  action, log_prob = networks.policy.draw(policy, key, observation, num_actions)
  prior_log_prob = _prior_log_prob(
    networks.policy, config, slow_policy, observation, action
  )
  return _Points(action, log_prob, prior_log_prob)


def _replayed_points(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  policy: quinoa_networks.PolicyVariables,
  slow_policy: quinoa_networks.PolicyVariables,
  batch: types.Transition,
) -> _Points:
  """The actions of the batch, N = 1."""
  action = jnp.asarray(batch.action)[None]
  log_prob = networks.policy.log_prob(policy, batch.observation, action)
  prior_log_prob = _prior_log_prob(
    networks.policy, config, slow_policy, batch.observation, action
  )
  return _Points(action, log_prob, prior_log_prob)


def _look_ahead(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: TrainingState,
  batch: types.Transition,
  key: networks_lib.PRNGKey,
) -> _Known:
  """Line 6, or its like for critics."""
  if isinstance(config.fit, fit_lib.DirectFit):
    next_value = _slow_value(networks, state, batch.next_observation)
  else:
    following = _fresh_points(
      networks,
      config,
      policy_of(state),
      state.prior,
      batch.next_observation,
      1,
      key,
    )
    next_critics = _apply_critics(
      networks, state.target, batch.next_observation, following.action[0]
    )
    next_value = losses.soft_value(
      losses.pool(next_critics, config.fit.pessimism),
      following.log_ratio[0],
      state.temperature,
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
  return _Known(next_value, rest, td_target)


def _check_window(
  config: config_lib.QuinoaConfig, batch: types.Transition
) -> None:
  """Raises a ValueError if transitions are not over the steps of a target."""
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
  state: TrainingState,
  later: transitions.Later,
) -> losses.SoftReturn:
  """What a target over several steps holds after its first reward.

  The leaves of `later` are [B, n - 1, ...], and are looked at as B (n - 1).
  """
  shape = later.reward.shape

  def in_one_row(x: jax.Array) -> jax.Array:
    return jnp.reshape(x, (-1, *x.shape[2:]))

  observation = jax.tree_util.tree_map(in_one_row, later.observation)
  action = in_one_row(jnp.asarray(later.action))[None]
  policy = networks.policy
  log_ratio = losses.log_ratio(
    policy.log_prob(policy_of(state), observation, action),
    _prior_log_prob(policy, config, state.prior, observation, action),
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
  value = networks.soft_value(policy_of(state), state.params.value, observation)
  traces = losses.likelihood(log_ratio, trace.scale * policy.num_dimensions)
  return losses.cut_soft_return(*steps, jnp.reshape(value, shape), traces)


def _apply_critics(
  networks: quinoa_networks.QuinoaNetworks,
  params: networks_lib.Params,
  observation: Any,
  action: jax.Array,
) -> jax.Array:
  """The value of each critic, [C, ..., B], for actions [..., B, *action]."""
  # One by one: products of matrices are faster on a CPU than those of batches.
  num_critics = jax.tree_util.tree_leaves(params)[0].shape[0]
  values = [
    networks.critic.apply(
      jax.tree_util.tree_map(lambda x, i=i: x[i], params), observation, action
    )
    for i in range(num_critics)
  ]
  return jnp.stack(values)


def _loss(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  params: Params,
  state: TrainingState,
  batch: types.Transition,
  known: _Known,
  key: networks_lib.PRNGKey,
) -> tuple[jax.Array, _Fitted]:
  """Lines 2 to 5 and 7, for parameters in the place of the state's."""
  policy = quinoa_networks.PolicyVariables(params.policy, state.temperature)
  observation = batch.observation
  fresh = _fresh_points(
    networks,
    config,
    policy,
    state.prior,
    observation,
    fit_lib.num_actions(config.fit),
    key,
  )
  # Traced only where it is of use: that takes a part of a run's start.
  at_replayed = functools.partial(
    _replayed_points, networks, config, policy, state.prior, batch
  )
  fits_critics = isinstance(config.fit, fit_lib.CriticFit)
  points = fresh if fits_critics else at_replayed()
  value = networks.soft_value(policy, params.value, observation)
  fresh_log_ratio = jax.lax.stop_gradient(fresh.log_ratio)
  kl = jnp.mean(fresh_log_ratio)
  temperature = temperature_lib.update(
    config.temperature,
    state.temperature,
    jnp.broadcast_to(value, points.log_ratio.shape).ravel(),
    points.log_ratio.ravel(),
    kl,
    fresh_log_ratio,
    networks.policy.num_dimensions,
  )
  weights = jnp.ones_like(value)
  if isinstance(config.fit, fit_lib.DirectFit):
    critics = jnp.zeros((0, *value.shape))
    q = losses.soft_q(value, points.log_ratio[0], temperature)
    weights = _weights(config.fit, networks, points)
    parts = {'td_loss': losses.weighted_td_loss(q, known.td_target, weights)}
    if config.fit.proximity:
      fresh_q = losses.soft_q(value, fresh.log_ratio[0], temperature)
      slow_q = _slow_q(networks, config, state, observation, fresh)
      parts['proximity_loss'] = config.fit.proximity * losses.proximity_loss(
        fresh_q, slow_q
      )
  else:
    critics = _apply_critics(
      networks, params.critics, observation, batch.action
    )
    fresh_q = losses.pool(
      _apply_critics(networks, params.critics, observation, points.action),
      config.fit.pessimism,
    )
    parts = {
      'critic_loss': losses.critic_loss(critics, known.td_target),
      'policy_loss': losses.policy_fit_loss(
        fresh_q, points.log_ratio, temperature
      ),
      'value_loss': losses.value_fit_loss(
        value, fresh_q, points.log_ratio, temperature
      ),
    }
  if config.conservatism:
    parts['conservative_loss'] = config.conservatism * losses.conservative_loss(
      at_replayed().log_ratio
    )
  loss = jnp.sum(jnp.stack(list(parts.values())))
  fitted = _Fitted(
    points, fresh.action, kl, value, temperature, critics, weights, parts
  )
  return loss, fitted


def _weights(
  fit: fit_lib.DirectFit,
  networks: quinoa_networks.QuinoaNetworks,
  replayed: _Points,
) -> jax.Array:
  """How much each replayed action counts, [B]."""
  log_ratio = replayed.log_ratio[0]
  match fit.weights:
    case fit_lib.EvenWeights():
      return jnp.ones_like(log_ratio)
    case fit_lib.LikelihoodWeights(scale=scale, least=least):
      likelihood = losses.likelihood(
        log_ratio, scale * networks.policy.num_dimensions
      )
      return jnp.maximum(likelihood, least)


def _slow_q(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: TrainingState,
  observation: Any,
  fresh: _Points,
) -> jax.Array:
  """Q' of the target networks at the first fresh action of each state, [B]."""
  policy = quinoa_networks.PolicyVariables(
    state.target.policy, state.temperature
  )
  log_prob = networks.policy.log_prob(policy, observation, fresh.action[0])
  return losses.soft_q(
    networks.soft_value(policy, state.target.value, observation),
    losses.log_ratio(log_prob, fresh.prior_log_prob[0]),
    state.temperature,
  )


def _descend(
  networks: quinoa_networks.QuinoaNetworks,
  optimizer: optax.GradientTransformation,
  config: config_lib.QuinoaConfig,
  state: TrainingState,
  gradients: Params,
  temperature: jax.Array,
  key: networks_lib.PRNGKey,
) -> TrainingState:
  """Lines 7 and 8: the next state, by one step of the optimiser."""
  updates, optimizer_state = optimizer.update(gradients, state.optimizer)
  params = cast(Params, optax.apply_updates(state.params, updates))
  steps = state.steps + 1
  target, prior = _slow_copies(
    networks, config, state, params, temperature, steps
  )
  return TrainingState(
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
  state: TrainingState,
  params: Params,
  temperature: jax.Array,
  steps: jax.Array,
) -> tuple[Any, Any]:
  """Line 8: the TD target's parameters and the prior from the next step on."""
  target = averaging_lib.update(
    config.target, _target_of(networks, config, params), state.target, steps
  )
  if isinstance(config.prior, prior_lib.UniformPrior):
    return target, state.prior
  policy = quinoa_networks.PolicyVariables(params.policy, temperature)
  prior = averaging_lib.update(
    config.prior.averaging, policy, state.prior, steps
  )
  return target, prior


def _describe_fit(
  fitted: _Fitted,
  known: _Known,
  config: config_lib.QuinoaConfig,
  num_dimensions: int,
) -> Metrics:
  """The metrics of one step that the agent's README explains."""
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
  }
  if len(fitted.losses) > 1:
    metrics |= fitted.losses
  if isinstance(config.returns, returns_lib.SoftReturn) and isinstance(
    config.returns.trace, returns_lib.CutTrace
  ):
    metrics['trace_mean'] = jnp.mean(known.rest)
  if isinstance(config.fit, fit_lib.DirectFit) and isinstance(
    config.fit.weights, fit_lib.LikelihoodWeights
  ):
    metrics['weight_mean'] = jnp.mean(fitted.weights)
  if isinstance(config.fit, fit_lib.CriticFit):
    metrics['critic_mean'] = jnp.mean(fitted.critics)
  bound = temperature_lib.bound_on_kl(config.temperature, num_dimensions)
  if bound is not None:
    metrics['kl_over_epsilon'] = fitted.kl / bound
  return metrics
