"""The Quinoa learner: Algorithm 2 of the paper as one pure update step."""

from collections.abc import Callable, Iterator, Sequence
import functools
import threading
import time
from typing import Any, cast, NamedTuple

import acme
from acme import types
from acme.jax import networks as networks_lib
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import jax
import jax.numpy as jnp
import numpy as np
import optax
import reverb

from quinoa_acme.agents.quinoa import averaging as averaging_lib
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import temperature as temperature_lib

Metrics = dict[str, jax.Array]


class Params(NamedTuple):
  """What gradient descent moves: theta and phi of the paper."""

  policy: networks_lib.Params
  value: networks_lib.Params


class TrainingState(NamedTuple):
  """Everything that the learner carries from step to step.

  `prior` holds the policy parameters of a lagged prior, and is empty for a
  uniform one.
  """

  params: Params
  target_value: networks_lib.Params
  prior: networks_lib.Params
  optimizer: optax.OptState
  temperature: jax.Array
  key: networks_lib.PRNGKey
  steps: jax.Array


class NonFiniteError(FloatingPointError):
  """A loss or gradient was not finite; says at which step, and what first."""


def make_optimizer(
  config: config_lib.QuinoaConfig,
) -> optax.GradientTransformation:
  """Adam on the gradient clipped by its global norm (section 4)."""
  return optax.chain(
    optax.clip_by_global_norm(config.max_gradient_norm),
    optax.adam(config.learning_rate),
  )


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
  policy_key, value_key, key = jax.random.split(key, 3)
  params = Params(
    policy=networks.policy.init(policy_key, observation, action),
    value=networks.value.init(value_key, observation),
  )
  has_prior = isinstance(config.prior, prior_lib.LaggedPrior)
  # The slow parameters are copies: donated buffers must not be shared.
  return TrainingState(
    params=params,
    target_value=jax.tree_util.tree_map(jnp.copy, params.value),
    prior=jax.tree_util.tree_map(jnp.copy, params.policy) if has_prior else {},
    optimizer=make_optimizer(config).init(params),
    temperature=temperature_lib.initial(config.temperature),
    key=key,
    steps=jnp.asarray(0, jnp.int32),
  )


class _Batch(NamedTuple):
  """What the loss takes as given at a batch; all [B] but `kl`, a scalar."""

  prior_log_prob: jax.Array
  next_value: jax.Array
  target: jax.Array
  kl: jax.Array


class _Fit(NamedTuple):
  """Equation 2 at the batch, as the loss computed it; all [B] but the last."""

  log_prob: jax.Array
  value: jax.Array
  log_ratio: jax.Array
  temperature: jax.Array


UpdateStep = Callable[
  [TrainingState, types.Transition], tuple[TrainingState, Metrics, Any]
]


def make_update_step(
  networks: quinoa_networks.QuinoaNetworks, config: config_lib.QuinoaConfig
) -> UpdateStep:
  """Makes one SGD step, lines 2 to 8 of Algorithm 2.

  Args:
    networks: the networks.
    config: the agent's options.

  Returns:
    A pure function from a state and a batch of transitions (leaves [B, ...]) to
    the next state, scalar metrics, and a tree of booleans that says of each
    quantity, in the order in which they are computed, whether it was finite.
  """
  optimizer = make_optimizer(config)
  loss_and_gradients = jax.value_and_grad(
    functools.partial(_loss, networks, config), has_aux=True
  )

  def update_step(state: TrainingState, batch: types.Transition):
    key, sample_key = jax.random.split(state.key)
    known, share_at_bounds = _look_at(
      networks, config, state, batch, sample_key
    )
    (loss, fit), gradients = loss_and_gradients(
      state.params, state.temperature, batch, known
    )
    updates, optimizer_state = optimizer.update(gradients, state.optimizer)
    params = cast(Params, optax.apply_updates(state.params, updates))
    steps = state.steps + 1
    target_value, prior = _slow_copies(config, state, params, steps)
    new_state = TrainingState(
      params=params,
      target_value=target_value,
      prior=prior,
      optimizer=optimizer_state,
      temperature=fit.temperature,
      key=key,
      steps=steps,
    )
    metrics = {
      'loss': loss,
      'gradient_norm': optax.tree.norm(gradients),
      'share_at_bounds': share_at_bounds,
      **_describe_fit(fit, known, config),
    }
    finite = _are_finite(
      {
        '01 observation': batch.observation,
        '02 action': batch.action,
        '03 reward': batch.reward,
        '04 discount': batch.discount,
        '05 next observation': batch.next_observation,
        '06 target value': known.next_value,
        '07 value': fit.value,
        '08 prior log-probability': known.prior_log_prob,
        '09 log-probability': fit.log_prob,
        '10 relative entropy': known.kl,
        '11 temperature': fit.temperature,
        '12 loss': loss,
        '13 gradient': gradients,
        '14 parameters': params,
      }
    )
    return new_state, metrics, finite

  return update_step


def _prior_log_probs(
  policy: quinoa_networks.QuinoaPolicy,
  config: config_lib.QuinoaConfig,
  slow_params: networks_lib.Params,
  observation: Any,
  *actions: jax.Array,
) -> list[jax.Array]:
  """The prior's log-density, [B], of each of several batches of actions."""
  if isinstance(config.prior, prior_lib.UniformPrior):
    size = actions[0].shape[0]
    return [jnp.full((size,), policy.uniform_log_prob) for _ in actions]
  # One pass over all of them costs less than one pass each.
  observations = jax.tree_util.tree_map(
    lambda x: jnp.concatenate([x] * len(actions)), observation
  )
  slow_log_prob = policy.log_prob(
    slow_params, observations, jnp.concatenate(actions)
  )
  log_prob = prior_lib.flatten(
    config.prior, slow_log_prob, policy.uniform_log_prob
  )
  return jnp.split(log_prob, len(actions))


def _look_at(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  state: TrainingState,
  batch: types.Transition,
  key: networks_lib.PRNGKey,
) -> tuple[_Batch, jax.Array]:
  """Line 6, the relative entropy, and the share of actions at the bounds."""
  # Fresh actions, and the density that sampling gives: inverting the flow at
  # clipped actions would bias the estimate.
  fresh_action, fresh_log_prob = networks.policy.sample_and_log_prob(
    state.params.policy, key, batch.observation
  )
  fresh_prior_log_prob, prior_log_prob = _prior_log_probs(
    networks.policy,
    config,
    state.prior,
    batch.observation,
    fresh_action,
    batch.action,
  )
  next_value = networks.value.apply(state.target_value, batch.next_observation)
  known = _Batch(
    prior_log_prob=prior_log_prob,
    next_value=next_value,
    target=losses.td_target(
      jnp.asarray(batch.reward, jnp.float32),
      config.discount * jnp.asarray(batch.discount, jnp.float32),
      next_value,
    ),
    kl=jnp.mean(losses.log_ratio(fresh_log_prob, fresh_prior_log_prob)),
  )
  return known, networks.policy.share_at_bounds(fresh_action)


def _loss(
  networks: quinoa_networks.QuinoaNetworks,
  config: config_lib.QuinoaConfig,
  params: Params,
  temperature: jax.Array,
  batch: types.Transition,
  known: _Batch,
) -> tuple[jax.Array, _Fit]:
  """Lines 3, 4, 5 and 7; `temperature` is the last step's."""
  log_prob = networks.policy.log_prob(
    params.policy, batch.observation, batch.action
  )
  value = networks.value.apply(params.value, batch.observation)
  log_ratio = losses.log_ratio(log_prob, known.prior_log_prob)
  temperature = temperature_lib.update(
    config.temperature, temperature, value, log_ratio, known.kl
  )
  q = losses.soft_q(value, log_ratio, temperature)
  fit = _Fit(log_prob, value, log_ratio, temperature)
  return losses.td_loss(q, known.target), fit


def _slow_copies(
  config: config_lib.QuinoaConfig,
  state: TrainingState,
  params: Params,
  steps: jax.Array,
) -> tuple[networks_lib.Params, networks_lib.Params]:
  """Line 8: the target value and the prior to use from the next step on."""
  target_value = averaging_lib.update(
    config.target, params.value, state.target_value, steps
  )
  if isinstance(config.prior, prior_lib.UniformPrior):
    return target_value, state.prior
  prior = averaging_lib.update(
    config.prior.averaging, params.policy, state.prior, steps
  )
  return target_value, prior


def _describe_fit(
  fit: _Fit, known: _Batch, config: config_lib.QuinoaConfig
) -> Metrics:
  """The metrics of one step that the agent's README explains."""
  metrics = {
    'temperature': fit.temperature,
    'kl': known.kl,
    'log_prob_min': jnp.min(fit.log_prob),
    'log_prob_max': jnp.max(fit.log_prob),
    'log_ratio_mean': jnp.mean(fit.log_ratio),
    'log_ratio_min': jnp.min(fit.log_ratio),
    'value_mean': jnp.mean(fit.value),
    'value_std': jnp.std(fit.value),
    'value_min': jnp.min(fit.value),
    'value_max': jnp.max(fit.value),
    'target_mean': jnp.mean(known.target),
  }
  epsilon = temperature_lib.epsilon_of(config.temperature)
  if epsilon is not None:
    metrics['kl_over_epsilon'] = known.kl / epsilon
  return metrics


def make_scanned_update(update_step: UpdateStep, num_steps: int) -> UpdateStep:
  """Runs `update_step` over `num_steps` minibatches of one large batch.

  Args:
    update_step: as `make_update_step` gives it.
    num_steps: the number of minibatches N.

  Returns:
    A function from a state and a batch with leaves [N * B, ...] to the last
    state, the metrics' means, and the finiteness flags with a leading [N].
  """

  def scanned_update(state: TrainingState, batch: types.Transition):
    minibatches = jax.tree_util.tree_map(
      lambda x: jnp.reshape(x, (num_steps, -1, *x.shape[1:])), batch
    )

    def body(carry, minibatch):
      new_state, metrics, finite = update_step(carry, minibatch)
      return new_state, (metrics, finite)

    state, (metrics, finite) = jax.lax.scan(body, state, minibatches)
    return state, jax.tree_util.tree_map(jnp.mean, metrics), finite

  return scanned_update


def _are_finite(tree: Any) -> Any:
  """Of each leaf, whether all of its elements are finite."""
  return jax.tree_util.tree_map(
    lambda x: jnp.all(jnp.isfinite(jnp.asarray(x, jnp.float32))), tree
  )


def _describe_non_finite(finite: Any, first_step: int) -> str | None:
  """Names the first step and the first quantity that was not finite."""
  paths = jax.tree_util.tree_flatten_with_path(finite)[0]
  flags = np.stack([np.asarray(flag) for _, flag in paths], axis=1)
  if flags.all():
    return None
  row = int(np.argmin(flags.all(axis=1)))
  path, _ = paths[int(np.argmin(flags[row]))]
  culprit = path[0].key.split(' ', 1)[1]
  part = jax.tree_util.keystr(path[1:])
  return (
    f'Learner step {first_step + row}: the {culprit}'
    f'{f" at {part}" if part else ""} is not finite. Training stops here; no '
    'checkpoint is written from this state. Look at the environment if it is '
    'an observation, reward or discount; else lower learning_rate, or bound '
    'the flow or the temperature more tightly.'
  )


class QuinoaLearner(acme.Learner):
  """Wires the pure update step to data, counts and logs."""

  def __init__(
    self,
    networks: quinoa_networks.QuinoaNetworks,
    config: config_lib.QuinoaConfig,
    random_key: networks_lib.PRNGKey,
    dataset: Iterator[reverb.ReplaySample],
    counter: counting.Counter | None = None,
    logger: loggers_base.Logger | None = None,
  ):
    """Makes the learner.

    Args:
      networks: the networks.
      config: the agent's options.
      random_key: the learner's random key.
      dataset: samples whose data are transitions with leaves
        [num_sgd_steps_per_step * batch_size, ...].
      counter: counts steps (SGD steps) and walltime.
      logger: takes the metrics of each call.
    """
    self._config = config
    self._dataset = dataset
    self._counter = counter or counting.Counter()
    self._logger = logger or loggers_base.NoOpLogger()
    # Actors ask for variables, and checkpoints are made, from other threads.
    self._lock = threading.Lock()
    self._failure: NonFiniteError | None = None
    self._timestamp: float | None = None

    def initial_state(observation, action):
      return make_initial_state(
        networks, config, random_key, observation, action
      )

    self._initial_state = jax.jit(initial_state)
    self._update = jax.jit(
      make_scanned_update(
        make_update_step(networks, config), config.num_sgd_steps_per_step
      ),
      donate_argnums=0,
    )
    # As large as the first real batch, so that one compilation serves both.
    self._set_state(
      self._initial_state(
        *jax.tree_util.tree_map(
          lambda x: np.repeat(x, config.batch_size, axis=0),
          (networks.example_observation, networks.example_action),
        )
      )
    )

  def step(self) -> None:
    """Makes `num_sgd_steps_per_step` SGD steps.

    Raises:
      NonFiniteError: if a loss, gradient or anything before them was not
        finite.
      StopIteration: if the data are at an end.
    """
    batch = cast(types.Transition, next(self._dataset).data)
    with self._lock:
      if self._failure is not None:
        raise self._failure
      if self._steps == 0:
        self._state = self._initialise_from(batch)
      state, metrics, finite = self._update(self._state, batch)
      metrics, finite = jax.device_get((metrics, finite))
      message = _describe_non_finite(finite, self._steps + 1)
      if message is not None:
        self._failure = NonFiniteError(message)
        raise self._failure
      self._set_state(state)
    self._write(metrics)

  def get_variables(self, names: Sequence[str]) -> list[networks_lib.Params]:
    """Returns NumPy copies of the named collections.

    Args:
      names: any of 'policy' and 'value'.

    Returns:
      Their parameters, in that order.

    Raises:
      KeyError: if a name is neither.
    """
    published = self._published._asdict()
    unknown = [name for name in names if name not in published]
    if unknown:
      raise KeyError(
        f'Unknown variables {unknown}; the learner has {sorted(published)}.'
      )
    return [published[name] for name in names]

  def save(self) -> TrainingState:
    """Returns the whole state as NumPy arrays.

    Raises:
      NonFiniteError: if training was stopped by one; its state is not saved.
    """
    with self._lock:
      if self._failure is not None:
        raise self._failure
      # A copy, not a view: the next step donates the buffers.
      return jax.tree_util.tree_map(np.array, self._state)

  def restore(self, state: TrainingState) -> None:
    """Goes on from a saved state, at the step where it was."""
    with self._lock:
      self._set_state(jax.tree_util.tree_map(jnp.array, state))
      self._failure = None

  def _initialise_from(self, batch: types.Transition) -> TrainingState:
    """The initial state with the statistics of the first batch (section 4).

    It is made before the first step only, so never again after a restore of a
    learner that has made one.
    """
    first = jax.tree_util.tree_map(
      lambda x: x[: self._config.batch_size], batch
    )
    return self._initial_state(first.observation, first.action)

  def _set_state(self, state: TrainingState) -> None:
    self._state = state
    self._steps = int(state.steps)
    self._published = jax.tree_util.tree_map(np.array, state.params)

  def _write(self, metrics: Metrics) -> None:
    now = time.monotonic()
    elapsed = now - self._timestamp if self._timestamp is not None else 0.0
    self._timestamp = now
    num_steps = self._config.num_sgd_steps_per_step
    counts = self._counter.increment(steps=num_steps, walltime=elapsed)
    rates = {'steps_per_second': num_steps / elapsed} if elapsed else {}
    self._logger.write({**metrics, **rates, **counts})
