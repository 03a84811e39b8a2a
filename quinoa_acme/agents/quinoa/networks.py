"""The networks of the Quinoa agent, as pure functions."""

from collections.abc import Callable, Sequence
import dataclasses
import functools
from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

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

# Of which the most likely is the greedy action of a flow without a mode.
_DRAWS_OF_MODE = 64


class PolicyVariables(NamedTuple):
  """What the policy depends on.

  The soft policy is exp(Q / alpha), normalised. A family that models Q can so
  follow a change of alpha at once; others leave it be.

  Attributes:
    params: what is learnt.
    temperature: alpha, float32 scalar.
  """

  params: Params
  temperature: jax.Array


class AtState(NamedTuple):
  """What a policy says of B states at once.

  Attributes:
    fresh_action: K actions a state, [K, B, *action], taken as given.
    fresh_log_prob: their log-density, [K, B].
    log_prob: the log-density of actions that were given, [N, B].
    soft_value: V(s), [B], or None if the family does not give it.
  """

  fresh_action: jax.Array
  fresh_log_prob: jax.Array
  log_prob: jax.Array
  soft_value: jax.Array | None


@dataclasses.dataclass(frozen=True)
class QuinoaPolicy:
  """The policy pi(a|s): a density that can be sampled and evaluated exactly.

  All actions are in the environment's own shape and bounds, float32 of shape
  [B, *action] for a batch of B observations. Any family with these functions
  can take the flow's place.

  Attributes:
    init: `init(key, observation, action)` makes the parameters; layers with a
      data-dependent initialisation take it from this batch.
    log_prob: `log_prob(variables, observation, action)` to float32 [..., B],
      finite on the closed box, with actions of shape [..., B, *action].
    sample: `sample(variables, key, observation)` to an action a state.
    draw: `draw(variables, key, observation, num_actions)` to so many actions a
      state, [K, B, *action], and their log-density, [K, B]. The actions are
      then taken as given: no gradient flows through them, and the log-density
      has that of `log_prob` at them. Its value is best that which sampling
      gives, which no action at the edge of the box biases.
    mode: `mode(variables, observation)` to one greedy action a state.
    soft_value: `soft_value(variables, observation)` to V(s), float32 [B], where
      the family's own network gives it; else None, and V is a network apart.
    evaluate_all: `evaluate_all(variables, key, observation, action,
      num_actions)` to an `AtState`: `draw`, `log_prob` and `soft_value` by one
      pass of the network, or None. `evaluate` then calls the three.
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
    """Fresh actions, the density of given ones, and V of the same states.

    Args:
      variables: the policy's variables.
      key: of the fresh actions.
      observation: a batch of B observations.
      action: given actions, [N, B, *action].
      num_actions: K, how many fresh ones a state.

    Returns:
      What `draw`, `log_prob` and `soft_value` give.
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
  """Everything that Quinoa learns.

  Attributes:
    policy: the policy pi(a|s).
    value: the soft value V(s), `init(key, observation)` and
      `apply(params, observation)` to float32 [B]. Where the policy gives it,
      it has no parameters and is not asked.
    critic: Q(a, s) of its own, where the agent has critics,
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
    """V(s), of the policy's own network or of the one apart.

    Args:
      policy: the policy's variables.
      value_params: the parameters of `value`.
      observation: a batch of B observations.

    Returns:
      V(s), float32 [B], in units of reward.
    """
    if self.policy.soft_value is not None:
      return self.policy.soft_value(policy, observation)
    return self.value.apply(value_params, observation)


FlowConfig = flow_registry.FlowConfig


def make_flow_policy(spec: EnvironmentSpec, config: FlowConfig) -> QuinoaPolicy:
  """Makes the policy of a conditional flow for an environment.

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

  def init(key, observation, action):
    return flow.init(key, observation, box.flatten(action))

  def log_prob(variables, observation, action):
    params, temperature = variables
    return flow.log_prob(params, observation, box.flatten(action), temperature)

  def sample(variables, key, observation):
    params, temperature = variables
    [action], _ = flow.sample_and_log_prob(
      params, key, observation, 1, temperature
    )
    return box.unflatten(action)

  def draw(variables, key, observation, num_actions):
    params, temperature = variables
    function = flow.draw or functools.partial(_draw, flow)
    action, log_prob = function(
      params, key, observation, num_actions, temperature
    )
    return box.unflatten(action), log_prob

  def mode(variables, observation):
    params, temperature = variables
    function = flow.mode or functools.partial(_most_likely, flow)
    return box.unflatten(function(params, observation, temperature))

  def soft_value(variables, observation):
    assert flow.soft_value is not None
    params, temperature = variables
    return flow.soft_value(params, observation, temperature)

  def evaluate(variables, key, observation, action, num_actions):
    assert flow.evaluate is not None
    params, temperature = variables
    found = flow.evaluate(
      params, key, observation, box.flatten(action), num_actions, temperature
    )
    return AtState(
      box.unflatten(found.fresh_point),
      found.fresh_log_prob,
      found.log_prob,
      found.soft_value,
    )

  return QuinoaPolicy(
    init=init,
    log_prob=log_prob,
    sample=sample,
    draw=draw,
    mode=mode,
    uniform_log_prob=-box.log_volume,
    num_dimensions=box.num_dimensions,
    share_at_bounds=lambda action: box.share_at_bounds(box.flatten(action)),
    soft_value=soft_value if flow.soft_value else None,
    evaluate_all=evaluate if flow.evaluate else None,
  )


def _draw(
  flow: flow_registry.ConditionalFlow,
  params: Params,
  key: PRNGKey,
  observation: Observation,
  num_points: int,
  temperature: jax.Array,
) -> tuple[jax.Array, jax.Array]:
  """The `draw` of a flow that has none of its own, by an inversion."""
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
  """The `mode` of a flow that has none: the most likely of fixed draws."""
  point, log_prob = flow.sample_and_log_prob(
    params, jax.random.PRNGKey(0), observation, _DRAWS_OF_MODE, temperature
  )
  best = jnp.argmax(log_prob, axis=0)
  return point[best, jnp.arange(best.size)]


def make_value(
  hidden_sizes: Sequence[int], norm: norms.Norm = norms.WeightNorm()
) -> hk.Transformed:
  """Makes the value network, zero at initialisation."""
  return hk.without_apply_rng(
    hk.transform(lambda obs: value_lib.ValueMLP(hidden_sizes, norm)(obs))
  )


def _no_value() -> hk.Transformed:
  """The value network of a policy that gives V itself: it has no parameters."""

  def apply(params, observation):
    del params, observation
    raise ValueError(
      'V(s) comes from the policy of this flow: use '
      'QuinoaNetworks.soft_value, which asks the right one.'
    )

  return hk.Transformed(init=lambda key, observation: {}, apply=apply)


def make_critic(
  spec: EnvironmentSpec,
  hidden_sizes: Sequence[int],
  norm: norms.Norm = norms.LayerNorm(),
) -> hk.Transformed:
  """Makes one critic, zero at initialisation."""
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

  At initialisation Q(a, s) is identically zero and the policy exactly uniform.

  Args:
    spec: the environment's specs.
    flow: the kind and shape of the policy's flow.
    value_hidden_sizes: width of each hidden layer of V, where the flow does not
      give V itself.
    value_norm: how these are normalised.
    critic_hidden_sizes: width of each hidden layer of a critic.
    critic_norm: how these are normalised.

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
