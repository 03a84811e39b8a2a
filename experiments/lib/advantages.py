"""Whether a flow can learn advantages, measured by a regression.

An agent that learns Q = V + alpha D by one TD loss has a right policy only if
the advantages that its density implies, alpha D, are right. The return shows
that only after an hour, and mixed with everything else. Here a flow, the
candidate, is fitted to fixed targets, which a run's critics make from its
replay. Nothing bootstraps and nobody acts. So if V is right and the error small
but the advantages wrong, the flow is the cause. The reference is an ensemble of
critics fitted to the same targets.
"""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any, cast, NamedTuple

from acme.jax import networks as networks_lib
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import optax
import tree

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.quinoa import losses
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import optimizer as optimizer_lib
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update
from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks.flows import energy
from quinoa_acme.networks.flows import real_nvp
from quinoa_acme.networks.flows import tilted
from quinoa_acme.runs import evaluation
from quinoa_acme.runs import trained as trained_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import resources
from quinoa_acme.utils import specs

# A coordinate this close to 0 or 1 is saturated.
_MARGIN = 0.01
# Transitions whose targets are computed at a time.
_CHUNK = 4096
# Below it the couplings' networks cannot tell a tilt from none.
_NO_TILT = 1e-6


class Targets(NamedTuple):
  """The targets of a Q-function at replayed actions.

  Attributes:
    observation: the states, leaves [N, ...].
    action: the action taken in each, [N, *action].
    target: y, [N].
  """

  observation: Any
  action: Any
  target: Any


class Drawn(NamedTuple):
  """Actions of a run's policy.

  Attributes:
    observation: the states, leaves [B, ...].
    action: K per state, [K, B, *action].
    log_ratio: D of these actions under that policy, [K, B].
  """

  observation: Any
  action: jax.Array | np.ndarray
  log_ratio: jax.Array | np.ndarray


class Setting(NamedTuple):
  """What all candidates are given, and what measures them.

  Attributes:
    temperature: alpha of the run, scalar.
    fitted: the targets to fit.
    held_out: other transitions, drawn in the same way from replay.
    drawn: actions of the run's policy in held-out states.
    uniform_action: actions that are uniform on the box in the same states, [K,
      B, *action].
    visited: states that the run's policy visits by itself, and its actions
      there, K = 1.
    discounted_return: its mean discounted return from these states on.
    soft_return: the same for rewards minus alpha D, as in a soft value.
  """

  temperature: jax.Array
  fitted: Targets
  held_out: Targets
  drawn: Drawn
  uniform_action: jax.Array | np.ndarray
  visited: Drawn
  discounted_return: float
  soft_return: float


@dataclasses.dataclass(frozen=True)
class Regressor:
  """A Q-function that can be fitted to targets.

  Attributes:
    init: `init(key, observation, action)` makes the parameters.
    q: `q(params, observation, action)` to Q, [B], of one action per state.
    optimizer: of the parameters.
    value: `value(params, observation)` to its V, [B], if it has one.
    inner: `inner(params, observation, action)` to the latent coordinates of
      actions, the inverse of its couplings, in [0, 1], [B, A], if it has any.
  """

  init: Callable[[networks_lib.PRNGKey, Any, jax.Array], Any]
  q: Callable[[Any, Any, jax.Array], jax.Array]
  optimizer: optax.GradientTransformation
  value: Callable[[Any, Any], jax.Array] | None = None
  inner: Callable[[Any, Any, jax.Array], jax.Array] | None = None


@dataclasses.dataclass(frozen=True)
class Findings:
  """The results of a candidate; NaN where it has none.

  Attributes:
    error: the mean squared error at held-out transitions.
    correlation_policy: of its advantages with the reference's, at actions of
      the run's policy.
    correlation_uniform: the same at uniform actions.
    value: its mean V in held-out states.
    value_visited: the same in states that the run's policy visits.
    saturated_variance: the share of D's variance over replayed actions that
      comes from actions with a saturated latent coordinate.
    saturated_actions: the share of such actions.
  """

  error: float
  correlation_policy: float
  correlation_uniform: float
  value: float
  value_visited: float
  saturated_variance: float = np.nan
  saturated_actions: float = np.nan


def check_agent(workdir: str, agent: off_policy.OffPolicyConfig) -> None:
  """Refuses a run whose critics cannot be the reference.

  Args:
    workdir: its folder, for the message.
    agent: its options.

  Raises:
    ValueError: if its agent is not Quinoa, has no critics, or measures D
      against a density other than the uniform one.
  """
  if not isinstance(agent, quinoa.QuinoaConfig):
    found = f'a run of {type(agent).__name__}'
  elif not isinstance(agent.fit, quinoa.CriticFit):
    found = f'a run without critics, of fit={agent.fit}'
  elif not isinstance(agent.prior, quinoa.UniformPrior):
    found = f'a run of prior={agent.prior}, and not of UniformPrior()'
  else:
    return
  raise ValueError(
    f'{workdir} is {found}. Targets are made by the critics of a run of Quinoa '
    'with a uniform prior: give the folder of one of --preset=with_critics '
    '--run_distributed=false.'
  )


def prepare(
  trained: trained_lib.Trained,
  replay: types.Transition,
  *,
  num_states: int,
  num_actions: int,
  num_episodes: int,
  seed: int,
) -> Setting:
  """Makes the candidates' setting from a run that passes `check_agent`.

  Args:
    trained: the run.
    replay: its replay, leaves [N, ...].
    num_states: number of states to evaluate, at most all held-out ones.
    num_actions: number of actions in each, K.
    num_episodes: number of episodes of the run's policy.
    seed: for everything random.

  Returns:
    The setting. A tenth of replay is held out.

  Raises:
    ValueError: if the run has not learned yet.
  """
  config = cast(quinoa.QuinoaConfig, trained.agent.config)
  networks = trained.networks
  state = jax.tree_util.tree_map(jnp.asarray, trained.learner.save())
  if not state.steps:
    raise ValueError(
      'The run has not learned yet: give one whose learner has made steps.'
    )
  keys = jax.random.split(jax.random.PRNGKey(seed), 3)
  rng = np.random.default_rng(seed)
  targets = make_targets(networks, config, state, replay, keys[0])
  num_rows = len(targets.target)
  held, rest = np.split(rng.permutation(num_rows), [max(1, num_rows // 10)])
  fitted, held_out = take(targets, rest), take(targets, held)
  observation = take(held_out, np.arange(len(held))[:num_states]).observation
  policy, variables = networks.policy, training_state.policy_of(state)
  action, log_prob = jax.jit(policy.draw, static_argnums=3)(
    variables, keys[1], observation, num_actions
  )
  log_ratio = losses.log_ratio(
    log_prob, jnp.full_like(log_prob, policy.uniform_log_prob)
  )
  box = box_lib.Box.from_spec(trained.spec.actions)
  unit = jax.random.uniform(keys[2], (*log_ratio.shape, policy.num_dimensions))
  episodes = trained_lib.follow(trained, num_episodes, seed)
  returns = [
    _returns(policy, variables, episode, config) for episode in episodes
  ]
  visited, discounted, soft = cast(
    tuple[_Step, np.ndarray, np.ndarray],
    tree.map_structure(lambda *parts: np.concatenate(parts), *returns),
  )
  return Setting(
    temperature=state.temperature,
    fitted=fitted,
    held_out=held_out,
    drawn=Drawn(observation, action, log_ratio),
    uniform_action=box.unflatten(box.from_unit(unit)),
    visited=Drawn(
      visited.observation, visited.action[None], visited.log_ratio[None]
    ),
    discounted_return=_mean(discounted),
    soft_return=_mean(soft),
  )


def make_targets(
  networks: quinoa.QuinoaNetworks,
  config: quinoa.QuinoaConfig,
  state: quinoa.TrainingState,
  replay: types.Transition,
  key: networks_lib.PRNGKey,
) -> Targets:
  """The learner's targets for all transitions, from a state held fixed.

  Args:
    networks: the run's networks.
    config: its options.
    state: its learner's state.
    replay: the transitions, leaves [N, ...].
    key: for the next states' actions, one each.

  Returns:
    The targets, with NumPy leaves.
  """
  num_rows = len(replay.reward)
  # Chunks of one size are compiled once; what is over is left out again.
  starts = range(0, num_rows, _CHUNK)
  target = jax.jit(
    lambda batch, key: update.td_target(networks, config, state, batch, key)
  )
  found = [
    target(
      take(replay, np.arange(start, start + _CHUNK) % num_rows),
      jax.random.fold_in(key, start),
    )
    for start in starts
  ]
  return Targets(
    replay.observation, replay.action, np.concatenate(found)[:num_rows]
  )


def take(nest: Any, rows: np.ndarray | jax.Array) -> Any:
  """The given rows of a nest of arrays, leaves [N, ...]."""
  return jax.tree_util.tree_map(lambda leaf: leaf[rows], nest)


def returns_to_go(
  rewards: np.ndarray, discount: float, was_cut: bool, left_off: int = 200
) -> np.ndarray:
  """The discounted return from each step of an episode on.

  Args:
    rewards: of each step, [T].
    discount: gamma.
    was_cut: whether a time limit ended the episode early.
    left_off: number of last steps of such an episode to drop, because they see
      too little of what follows.

  Returns:
    An array of shape [T], or [max(T - left_off, 0)].
  """
  returns = evaluation.discounted_returns(rewards, discount)
  return returns[: max(len(returns) - left_off, 0)] if was_cut else returns


class _Step(NamedTuple):
  """The steps of an episode, leaves [T, ...]."""

  observation: Any
  action: np.ndarray
  log_ratio: np.ndarray


def _returns(
  policy: quinoa.QuinoaPolicy,
  variables: quinoa.PolicyVariables,
  episode: trained_lib.Episode,
  config: quinoa.QuinoaConfig,
) -> tuple[_Step, np.ndarray, np.ndarray]:
  """Steps of an episode, with return and soft return from each on."""
  action = jnp.asarray(episode.actions)
  log_prob = jax.jit(policy.log_prob)(variables, episode.observations, action)
  log_ratio = np.asarray(log_prob) - policy.uniform_log_prob
  rewards = config.reward_scale * episode.rewards
  soft_rewards = rewards - np.asarray(variables.temperature) * log_ratio
  discounted, soft = (
    returns_to_go(x, config.discount, episode.was_cut)
    for x in (rewards, soft_rewards)
  )
  steps = _Step(episode.observations, episode.actions, log_ratio)
  return take(steps, np.arange(len(discounted))), discounted, soft


def make_critic(
  spec: specs.EnvironmentSpec, fit: quinoa.CriticFit
) -> Regressor:
  """Makes a critic of a run's shape.

  Args:
    spec: the environment's specs.
    fit: determines its shape and its learning rate.

  Returns:
    The regressor.
  """
  critic = quinoa_networks.make_critic(spec, fit.hidden_sizes, fit.norm)
  # Without couplings, one optimiser serves all parameters.
  config = dataclasses.replace(
    quinoa.QuinoaConfig.direct(), learning_rate=fit.learning_rate
  )
  return Regressor(
    critic.init, critic.apply, optimizer_lib.make_optimizer(config)
  )


def make_direct(
  spec: specs.EnvironmentSpec,
  config: quinoa.QuinoaConfig,
  temperature: jax.Array,
) -> Regressor:
  """Makes Q = V + alpha D from a flow, with a uniform prior.

  Args:
    spec: the environment's specs.
    config: determines flow, V and optimiser; must have a `DirectFit`.
    temperature: alpha, which stays fixed.

  Returns:
    The regressor.
  """
  networks = quinoa.QuinoaAgent(config).make_networks(spec)

  def init(key, observation, action):
    state = training_state.make_initial_state(
      networks, config, key, observation, action
    )
    return state.params

  def policy_of(params):
    return quinoa.PolicyVariables(params.policy, temperature)

  def value(params, observation):
    return networks.soft_value(policy_of(params), params.value, observation)

  def q(params, observation, action):
    log_prob = networks.policy.log_prob(policy_of(params), observation, action)
    log_ratio = log_prob - networks.policy.uniform_log_prob
    return losses.soft_q(value(params, observation), log_ratio, temperature)

  inner = make_inner(spec, config.flow)
  return Regressor(
    init,
    q,
    optimizer_lib.make_optimizer(config),
    value,
    inner and (lambda params, *args: inner(policy_of(params), *args)),
  )


def make_inner(
  spec: specs.EnvironmentSpec, config: quinoa_networks.FlowConfig
) -> Callable[[quinoa.PolicyVariables, Any, jax.Array], jax.Array] | None:
  """Makes the function from actions to the couplings' latent coordinates.

  Args:
    spec: the environment's specs.
    config: the flow's kind and shape.

  Returns:
    A function from the policy's variables, a batch of observations and one
    action each to points of [0, 1], [B, A]; or None if no network of the flow
    sees an action.
  """
  box = box_lib.Box.from_spec(spec.actions)
  match config:
    case energy.EnergyFlowConfig():
      if isinstance(config.couplings, energy.NoCouplings):
        return None
      # The sharp part before the couplings is not one of them; it is removed.
      config = dataclasses.replace(config, max_tilt=_NO_TILT)
    case tilted.TiltedFlowConfig() | real_nvp.RealNVPConfig():
      pass
    case _:
      return None
  has_logits = isinstance(config, real_nvp.RealNVPConfig)

  def apply(temperature, observation, action):
    flow = config.make_module(box)(observation, temperature)
    base = flow.base_of(box.flatten(action))
    return jax.nn.sigmoid(base) if has_logits else base

  transformed = hk.without_apply_rng(hk.transform(apply))
  return lambda variables, *args: transformed.apply(
    variables.params, variables.temperature, *args
  )


def make_fit(
  regressor: Regressor, num_updates: int, batch_size: int
) -> Callable[[networks_lib.PRNGKey, Targets], Any]:
  """Makes the regression of a Q-function on fixed targets.

  Args:
    regressor: the Q-function.
    num_updates: SGD steps.
    batch_size: transitions per step.

  Returns:
    A function from a random key and targets to the parameters; it raises a
    FloatingPointError if they are not finite.
  """

  def fit(key, data: Targets):
    init_key, key = jax.random.split(key)
    shape = (num_updates, batch_size)
    rows = jax.random.randint(key, shape, 0, len(data.target))

    def loss(params, batch: Targets):
      q = regressor.q(params, batch.observation, batch.action)
      return losses.td_loss(q, batch.target)

    def step(carry, rows):
      params, optimizer_state = carry
      gradients = jax.grad(loss)(params, take(data, rows))
      changes, optimizer_state = regressor.optimizer.update(
        gradients, optimizer_state
      )
      return (optax.apply_updates(params, changes), optimizer_state), None

    first = take(data, rows[0])
    params = regressor.init(init_key, first.observation, first.action)
    carry = (params, regressor.optimizer.init(params))
    (params, _), _ = jax.lax.scan(step, carry, rows)
    return params

  compiled = jax.jit(fit, compiler_options=resources.compiler_options())

  def run(key: networks_lib.PRNGKey, data: Targets) -> Any:
    params = compiled(key, data)
    if not all(np.isfinite(x).all() for x in jax.tree_util.tree_leaves(params)):
      raise FloatingPointError(
        'The parameters are not finite after the regression. Look at the '
        "run's targets, or lower the learning rate."
      )
    return params

  return run


class Values(NamedTuple):
  """The values of a Q-function in a setting.

  Attributes:
    held_out: Q of the held-out actions, [N].
    policy: Q of the run's policy's actions, [K, B].
    uniform: Q of uniform actions, [K, B].
    visited: Q of the run's policy's actions on its own episodes, [1, T].
  """

  held_out: np.ndarray
  policy: np.ndarray
  uniform: np.ndarray
  visited: np.ndarray


def make_values(
  regressor: Regressor, setting: Setting
) -> Callable[[Any], Values]:
  """Makes the function from a Q-function's parameters to its `Values`."""
  q = jax.jit(jax.vmap(regressor.q, in_axes=(None, None, 0)))
  drawn, held_out, visited = setting.drawn, setting.held_out, setting.visited

  def values(params: Any) -> Values:
    found = (
      q(params, held_out.observation, held_out.action[None])[0],
      q(params, drawn.observation, drawn.action),
      q(params, drawn.observation, setting.uniform_action),
      q(params, visited.observation, visited.action),
    )
    return Values(*map(np.asarray, found))

  return values


def mean_values(values: Sequence[Values]) -> Values:
  """The mean over several Q-functions."""
  return Values(*(np.mean(x, axis=0) for x in zip(*values, strict=True)))


def measure(values: Values, reference: Values, setting: Setting) -> Findings:
  """Measures a Q-function without its own V against the reference.

  V is that of the run's policy, mean (Q - alpha D) at its actions.

  Args:
    values: its values.
    reference: the ensemble's values.
    setting: the setting.

  Returns:
    The findings.
  """
  temperature = np.asarray(setting.temperature)
  return Findings(
    error=_mean(np.square(values.held_out - setting.held_out.target)),
    correlation_policy=correlation(
      advantages(values.policy), advantages(reference.policy)
    ),
    correlation_uniform=correlation(
      advantages(values.uniform), advantages(reference.uniform)
    ),
    value=_mean(values.policy - temperature * setting.drawn.log_ratio),
    value_visited=_mean(
      values.visited - temperature * setting.visited.log_ratio
    ),
  )


def measure_flow(
  regressor: Regressor,
  params: Any,
  values: Values,
  reference: Values,
  setting: Setting,
) -> Findings:
  """Measures Q = V + alpha D against the reference.

  Args:
    regressor: from `make_direct`.
    params: its parameters.
    values: its values.
    reference: the ensemble's values.
    setting: the setting.

  Returns:
    The findings, with its own V.
  """
  assert regressor.value is not None
  value = jax.jit(regressor.value)
  held_out = setting.held_out
  findings = dataclasses.replace(
    measure(values, reference, setting),
    value=_mean(value(params, setting.drawn.observation)),
    value_visited=_mean(value(params, setting.visited.observation)),
  )
  if regressor.inner is None:
    return findings
  scaled = values.held_out - value(params, held_out.observation)
  inner = jax.jit(regressor.inner)(
    params, held_out.observation, held_out.action
  )
  variance, actions = saturation(
    np.asarray(scaled) / np.asarray(setting.temperature), np.asarray(inner)
  )
  return dataclasses.replace(
    findings, saturated_variance=variance, saturated_actions=actions
  )


def measure_ensemble(critics: Sequence[Values], setting: Setting) -> Findings:
  """Measures the reference: its mean, and the agreement of its critics.

  Args:
    critics: the values of each, at least two.
    setting: the setting.

  Returns:
    Findings whose correlations are those of one critic with the mean of the
    others, on average: more cannot be asked of a candidate.
  """
  mean = mean_values(critics)
  return dataclasses.replace(
    measure(mean, mean, setting),
    correlation_policy=agreement([values.policy for values in critics]),
    correlation_uniform=agreement([values.uniform for values in critics]),
  )


def advantages(q: np.ndarray) -> np.ndarray:
  """Q minus its mean over the actions of a state, [K, B]."""
  return q - np.mean(q, axis=0)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
  """Pearson's correlation over all elements; NaN if one side is constant."""
  x, y = (np.asarray(part, np.float64).ravel() for part in (x, y))
  x, y = x - np.mean(x), y - np.mean(y)
  scale = np.sqrt(np.sum(x * x) * np.sum(y * y))
  return float(np.sum(x * y) / scale) if scale > 0 else np.nan


def agreement(qs: Sequence[np.ndarray]) -> float:
  """The mean correlation of each one's advantages with the others' mean.

  Args:
    qs: Q of each, [K, B]; at least two.

  Returns:
    The mean over all.
  """
  total = np.sum(qs, axis=0)
  found = [
    correlation(advantages(q), advantages((total - q) / (len(qs) - 1)))
    for q in qs
  ]
  return float(np.mean(found))


def saturation(log_ratio: np.ndarray, inner: np.ndarray) -> tuple[float, float]:
  """How much saturated latent coordinates contribute to D.

  Args:
    log_ratio: D of N actions, [N].
    inner: their latent coordinates, in [0, 1], [N, A].

  Returns:
    The share of D's variance from actions with a coordinate within 0.01 of 0
    or 1, and the share of such actions. If D has no variance the first is NaN.
  """
  is_saturated = np.any((inner < _MARGIN) | (inner > 1.0 - _MARGIN), axis=1)
  log_ratio = np.asarray(log_ratio, np.float64)
  squares = np.square(log_ratio - np.mean(log_ratio))
  total = np.sum(squares)
  share = np.sum(squares[is_saturated]) / total if total > 0 else np.nan
  return float(share), float(np.mean(is_saturated))


def _mean(values: Any) -> float:
  values = np.asarray(values)
  return float(np.mean(values)) if values.size else np.nan
