"""The networks of the Quinoa agent, as pure functions."""

from collections.abc import Callable, Sequence
import dataclasses
import functools
from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import critic as critic_lib
from quinoa_acme.networks import norms
from quinoa_acme.networks import value as value_lib
from quinoa_acme.networks.flows import bijectors
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.networks.flows import tilted
from quinoa_acme.utils import nests
from quinoa_acme.utils.common_types import EnvironmentSpec
from quinoa_acme.utils.common_types import Observation
from quinoa_acme.utils.common_types import Params
from quinoa_acme.utils.common_types import PRNGKey

# For a flow without a mode, the greedy action is the likeliest of this many.
_DRAWS_OF_MODE = 64


class PolicyVariables(NamedTuple):
  """The variables of the policy.

  The soft policy is exp(Q / alpha), normalised. A policy that models Q can thus
  follow a change of alpha at once; other policies ignore alpha.

  Attributes:
    params: the learned parameters.
    temperature: alpha, float32 scalar.
    statistics: those by which the networks normalise observations; None if they
      see them as given.
  """

  params: Params
  temperature: jax.Array
  statistics: observations_lib.Statistics | None = None

  def normalise(self, observation: Observation) -> Observation:
    """The observation as the networks see it."""
    return observations_lib.normalise(self.statistics, observation)


class AtState(NamedTuple):
  """What a policy gives for B states at once.

  Attributes:
    fresh_action: K sampled actions per state, [K, B, *action], treated as
      constant.
    fresh_log_prob: their log-density, [K, B].
    log_prob: the log-density of the given actions, [N, B].
    soft_value: V(s), [B], or None if the policy does not compute it.
  """

  fresh_action: jax.Array
  fresh_log_prob: jax.Array
  log_prob: jax.Array
  soft_value: jax.Array | None


@dataclasses.dataclass(frozen=True)
class QuinoaPolicy:
  """The policy pi(a|s): a density with exact sampling and evaluation.

  Actions have the environment's shape and bounds, float32 of shape
  [B, *action] for a batch of B observations. Any density with these functions
  can replace the flow.

  Attributes:
    init: `init(key, observation, action)` makes the parameters; layers with a
      data-dependent initialisation take it from this batch.
    log_prob: `log_prob(variables, observation, action)` to float32 [..., B],
      finite on the closed box, with actions of shape [..., B, *action].
    sample: `sample(variables, key, observation)` to one action per state.
    draw: `draw(variables, key, observation, num_actions)` to K actions per
      state, [K, B, *action], and their log-density, [K, B]. The actions are
      constants: no gradient flows through them, and the log-density has the
      gradient that `log_prob` has at them. Its value should come from the
      sampler, which is not biased by actions at the edge of the box.
    mode: `mode(variables, observation)` to one greedy action per state.
    soft_value: `soft_value(variables, observation)` to V(s), float32 [B], if
      the policy's own network computes it; otherwise None, and V is a separate
      network.
    evaluate_all: `evaluate_all(variables, key, observation, action,
      num_actions)` to an `AtState`: `draw`, `log_prob` and `soft_value` in one
      pass of the network. If None, `evaluate` calls the three.
    uniform_log_prob: the log-density of the uniform prior, a float.
    num_dimensions: the number A of action dimensions.
    share_at_bounds: `share_at_bounds(action)` to the share of action elements
      within 1 % of a bound.
  """

  init: Callable[[PRNGKey, Observation, jax.Array], Params]
  log_prob: Callable[[PolicyVariables, Observation, jax.Array], jax.Array]
  sample: Callable[[PolicyVariables, PRNGKey, Observation], jax.Array]
  draw: Callable[
    [PolicyVariables, PRNGKey, Observation, int],
    tuple[jax.Array, jax.Array],
  ]
  mode: Callable[[PolicyVariables, Observation], jax.Array]
  uniform_log_prob: float
  num_dimensions: int
  share_at_bounds: Callable[[jax.Array], jax.Array]
  soft_value: Callable[[PolicyVariables, Observation], jax.Array] | None = None
  evaluate_all: (
    Callable[[PolicyVariables, PRNGKey, Observation, jax.Array, int], AtState]
    | None
  ) = None

  def evaluate(
    self,
    variables: PolicyVariables,
    key: PRNGKey,
    observation: Observation,
    action: jax.Array,
    num_actions: int,
  ) -> AtState:
    """Samples actions; evaluates their density, that of given ones, and V.

    Args:
      variables: the policy's variables.
      key: random key, for the samples.
      observation: a batch of B observations.
      action: given actions, [N, B, *action].
      num_actions: K, the number of samples per state.

    Returns:
      The results of `draw`, `log_prob` and `soft_value`.
    """
    if self.evaluate_all is not None:
      return self.evaluate_all(variables, key, observation, action, num_actions)
    soft_value = self.soft_value
    return AtState(
      *self.draw(variables, key, observation, num_actions),
      self.log_prob(variables, observation, action),
      None if soft_value is None else soft_value(variables, observation),
    )


@dataclasses.dataclass(frozen=True)
class QuinoaNetworks:
  """All networks that Quinoa learns.

  Attributes:
    policy: the policy pi(a|s).
    value: the soft value V(s), `init(key, observation)` and
      `apply(params, observation)` to float32 [B]. If the policy computes V,
      this network is empty and is not called.
    critic: Q(a, s) as a separate network, for an agent with critics,
      `init(key, observation, action)` and `apply(params, observation, action)`
      to float32 [..., B], with actions of shape [..., B, *action].
    example_observation: a batch of one observation, for the shapes.
    example_action: the action of that batch.
  """

  policy: QuinoaPolicy
  value: hk.Transformed
  critic: hk.Transformed
  example_observation: Observation
  example_action: np.ndarray

  def soft_value(
    self,
    policy: PolicyVariables,
    value_params: Params,
    observation: Observation,
  ) -> jax.Array:
    """V(s), from the policy's own network or from the separate one.

    Args:
      policy: the policy's variables.
      value_params: the parameters of `value`.
      observation: a batch of B observations.

    Returns:
      V(s), float32 [B], in units of reward.
    """
    if self.policy.soft_value is not None:
      return self.policy.soft_value(policy, observation)
    return self.value.apply(value_params, policy.normalise(observation))


FlowConfig = flow_registry.FlowConfig


def make_flow_policy(spec: EnvironmentSpec, config: FlowConfig) -> QuinoaPolicy:
  """Makes a policy from a conditional flow, for an environment.

  Args:
    spec: the environment's specs; the action must be a finite box of floats.
    config: the flow's kind and shape.

  Returns:
    The policy.

  Raises:
    ValueError: if the action spec is not a finite box of floats.
  """
  box = box_lib.Box.from_spec(spec.actions)
  flow = config.make(box)
  policy = _FlowPolicy(box, flow)
  return QuinoaPolicy(
    init=policy.init,
    log_prob=policy.log_prob,
    sample=policy.sample,
    draw=policy.draw,
    mode=policy.mode,
    uniform_log_prob=-box.log_volume,
    num_dimensions=box.num_dimensions,
    share_at_bounds=lambda action: box.share_at_bounds(box.flatten(action)),
    soft_value=policy.soft_value if flow.soft_value else None,
    evaluate_all=policy.evaluate_all if flow.evaluate else None,
  )


@dataclasses.dataclass(frozen=True)
class _FlowPolicy:
  """The functions of a `QuinoaPolicy`, by a flow over the points of a box."""

  box: box_lib.Box
  flow: flow_registry.ConditionalFlow

  def init(
    self, key: PRNGKey, observation: Observation, action: jax.Array
  ) -> Params:
    return self.flow.init(key, observation, self.box.flatten(action))

  def log_prob(
    self,
    variables: PolicyVariables,
    observation: Observation,
    action: jax.Array,
  ) -> jax.Array:
    return self.flow.log_prob(
      variables.params,
      variables.normalise(observation),
      self.box.flatten(action),
      variables.temperature,
    )

  def sample(
    self, variables: PolicyVariables, key: PRNGKey, observation: Observation
  ) -> jax.Array:
    [action], _ = self.flow.sample_and_log_prob(
      variables.params,
      key,
      variables.normalise(observation),
      1,
      variables.temperature,
    )
    return self.box.unflatten(action)

  def draw(
    self,
    variables: PolicyVariables,
    key: PRNGKey,
    observation: Observation,
    num_actions: int,
  ) -> tuple[jax.Array, jax.Array]:
    draw = self.flow.draw or functools.partial(_draw, self.flow)
    action, log_prob = draw(
      variables.params,
      key,
      variables.normalise(observation),
      num_actions,
      variables.temperature,
    )
    return self.box.unflatten(action), log_prob

  def mode(
    self, variables: PolicyVariables, observation: Observation
  ) -> jax.Array:
    mode = self.flow.mode or functools.partial(_most_likely, self.flow)
    action = mode(
      variables.params,
      variables.normalise(observation),
      variables.temperature,
    )
    return self.box.unflatten(action)

  def soft_value(
    self, variables: PolicyVariables, observation: Observation
  ) -> jax.Array:
    assert self.flow.soft_value is not None
    return self.flow.soft_value(
      variables.params,
      variables.normalise(observation),
      variables.temperature,
    )

  def evaluate_all(
    self,
    variables: PolicyVariables,
    key: PRNGKey,
    observation: Observation,
    action: jax.Array,
    num_actions: int,
  ) -> AtState:
    assert self.flow.evaluate is not None
    found = self.flow.evaluate(
      variables.params,
      key,
      variables.normalise(observation),
      self.box.flatten(action),
      num_actions,
      variables.temperature,
    )
    return AtState(
      self.box.unflatten(found.fresh_point),
      found.fresh_log_prob,
      found.log_prob,
      found.soft_value,
    )


def _draw(
  flow: flow_registry.ConditionalFlow,
  params: Params,
  key: PRNGKey,
  observation: Observation,
  num_points: int,
  temperature: jax.Array,
) -> tuple[jax.Array, jax.Array]:
  """`draw` for a flow without its own: it inverts the flow at its samples."""
  drawn = flow.sample_and_log_prob(
    params, key, observation, num_points, temperature
  )
  point, value = jax.lax.stop_gradient(drawn)
  computed = flow.log_prob(params, observation, point, temperature)
  return point, bijectors.with_gradient_of(computed, value)


def _most_likely(
  flow: flow_registry.ConditionalFlow,
  params: Params,
  observation: Observation,
  temperature: jax.Array,
) -> jax.Array:
  """`mode` for a flow without one: the most likely of a few fixed samples."""
  point, log_prob = flow.sample_and_log_prob(
    params, jax.random.PRNGKey(0), observation, _DRAWS_OF_MODE, temperature
  )
  best = jnp.argmax(log_prob, axis=0)
  return point[best, jnp.arange(best.size)]


def make_value(
  hidden_sizes: Sequence[int], norm: norms.Norm = norms.WeightNorm()
) -> hk.Transformed:
  """Makes the value network, which is zero at initialisation."""
  return hk.without_apply_rng(
    hk.transform(lambda obs: value_lib.ValueMLP(hidden_sizes, norm)(obs))
  )


def _no_value() -> hk.Transformed:
  """The value network if the policy computes V: it has no parameters."""

  def apply(params, observation):
    del params, observation
    raise ValueError(
      'the policy of this flow computes V(s): call '
      'QuinoaNetworks.soft_value, which picks the right network.'
    )

  return hk.Transformed(init=lambda key, observation: {}, apply=apply)


def make_critic(
  spec: EnvironmentSpec,
  hidden_sizes: Sequence[int],
  norm: norms.Norm = norms.LayerNorm(),
) -> hk.Transformed:
  """Makes one critic, which is zero at initialisation."""
  box = box_lib.Box.from_spec(spec.actions)

  def apply(observation, action):
    symmetric = box.to_symmetric(box.flatten(action))
    return critic_lib.CriticMLP(hidden_sizes, norm)(observation, symmetric)

  return hk.without_apply_rng(hk.transform(apply))


def make_networks(
  spec: EnvironmentSpec,
  *,
  flow: FlowConfig = tilted.TiltedFlowConfig(),
  value_hidden_sizes: Sequence[int] = (128, 128),
  value_norm: norms.Norm = norms.WeightNorm(),
  critic_hidden_sizes: Sequence[int] = (128, 128),
  critic_norm: norms.Norm = norms.LayerNorm(),
) -> QuinoaNetworks:
  """Makes the networks of section 3 for an environment.

  At initialisation Q(a, s) is zero everywhere and the policy exactly uniform.

  Args:
    spec: the environment's specs.
    flow: the kind and shape of the policy's flow.
    value_hidden_sizes: width of each hidden layer of V. Unused if the flow
      computes V itself.
    value_norm: normalisation of these layers.
    critic_hidden_sizes: width of each hidden layer of a critic.
    critic_norm: normalisation of these layers.

  Returns:
    The networks.

  Raises:
    ValueError: if the action spec is not a finite box of floats.
  """
  policy = make_flow_policy(spec, flow)
  if policy.soft_value is None:
    value = make_value(value_hidden_sizes, value_norm)
  else:
    value = _no_value()
  return QuinoaNetworks(
    policy=policy,
    value=value,
    critic=make_critic(spec, critic_hidden_sizes, critic_norm),
    example_observation=jax.tree_util.tree_map(
      lambda x: np.zeros((1, *x.shape), x.dtype),
      nests.canonical_spec(spec.observations),
    ),
    example_action=np.zeros((1, *spec.actions.shape), np.float32),
  )
