"""The networks of the Quinoa agent, as pure functions."""

from collections.abc import Callable, Sequence
import dataclasses

from acme import specs
from acme.jax import networks as networks_lib
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import real_nvp
from quinoa_acme.networks import value as value_lib

Params = networks_lib.Params
Observation = networks_lib.Observation
PRNGKey = networks_lib.PRNGKey


@dataclasses.dataclass(frozen=True)
class QuinoaPolicy:
  """The policy pi(a|s): a density that can be sampled and evaluated exactly.

  All actions are in the environment's own shape and bounds, float32 of shape
  [B, *action]. Any family with these functions can take the flow's place.

  Attributes:
    init: `init(key, observation, action)` makes the parameters; layers with a
      data-dependent initialisation take it from this batch.
    log_prob: `log_prob(params, observation, action)` to float32 [B], finite on
      the closed box.
    sample: `sample(params, key, observation)` to an action a state.
    sample_and_log_prob: the same with the log-density that sampling gives,
      without inverting the flow.
    mode: `mode(params, observation)` to one greedy action a state.
    uniform_log_prob: the log-density of the uniform prior, a float.
    share_at_bounds: `share_at_bounds(action)` to the share of action elements
      within 1 % of a bound.
  """

  init: Callable[[PRNGKey, Observation, jax.Array], Params]
  log_prob: Callable[[Params, Observation, jax.Array], jax.Array]
  sample: Callable[[Params, PRNGKey, Observation], jax.Array]
  sample_and_log_prob: Callable[
    [Params, PRNGKey, Observation], tuple[jax.Array, jax.Array]
  ]
  mode: Callable[[Params, Observation], jax.Array]
  uniform_log_prob: float
  share_at_bounds: Callable[[jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class QuinoaNetworks:
  """Everything that Quinoa learns.

  Attributes:
    policy: the policy pi(a|s).
    value: the soft value V(s), `init(key, observation)` and
      `apply(params, observation)` to float32 [B].
    example_observation: a batch of one observation, for the shapes.
    example_action: the action of that batch.
  """

  policy: QuinoaPolicy
  value: networks_lib.FeedForwardNetwork
  example_observation: Observation
  example_action: np.ndarray


def make_flow_policy(
  spec: specs.EnvironmentSpec, config: real_nvp.RealNVPConfig
) -> QuinoaPolicy:
  """Makes the conditional RealNVP policy for an environment.

  Args:
    spec: the environment's specs; the action must be a finite box of floats.
    config: the flow's shape.

  Returns:
    The policy.

  Raises:
    ValueError: if the action spec is not a finite box of floats.
  """
  box = box_lib.Box.from_spec(spec.actions)

  def unflatten(action: jax.Array) -> jax.Array:
    return jnp.reshape(action, (action.shape[0], *box.shape))

  def make_functions():
    def flow(observation):
      return real_nvp.ConditionalRealNVP(box, config)(observation)

    def log_prob(observation, action):
      return flow(observation).log_prob(box.flatten(action))

    def sample(observation):
      return unflatten(flow(observation).sample(seed=hk.next_rng_key()))

    def sample_and_log_prob(observation):
      action, log_prob = flow(observation).sample_and_log_prob(
        seed=hk.next_rng_key()
      )
      return unflatten(action), log_prob

    def mode(observation):
      return unflatten(flow(observation).mode())

    return log_prob, (log_prob, sample, sample_and_log_prob, mode)

  init, (log_prob, sample, sample_and_log_prob, mode) = hk.multi_transform(
    make_functions
  )
  return QuinoaPolicy(
    init=init,
    log_prob=lambda params, obs, action: log_prob(params, None, obs, action),
    sample=sample,
    sample_and_log_prob=sample_and_log_prob,
    mode=lambda params, obs: mode(params, None, obs),
    uniform_log_prob=-box.log_volume,
    share_at_bounds=lambda action: box.share_at_bounds(box.flatten(action)),
  )


def make_value(hidden_sizes: Sequence[int]) -> networks_lib.FeedForwardNetwork:
  """Makes the value network, zero at initialisation."""
  value = hk.without_apply_rng(
    hk.transform(lambda obs: value_lib.ValueMLP(hidden_sizes)(obs))
  )
  return networks_lib.FeedForwardNetwork(value.init, value.apply)


def make_networks(
  spec: specs.EnvironmentSpec,
  *,
  flow: real_nvp.RealNVPConfig = real_nvp.RealNVPConfig(),
  value_hidden_sizes: Sequence[int] = (256, 256),
) -> QuinoaNetworks:
  """Makes the networks of section 3 for an environment.

  At initialisation Q(a, s) is identically zero and the policy exactly uniform.

  Args:
    spec: the environment's specs.
    flow: the shape of the policy's flow.
    value_hidden_sizes: width of each hidden layer of V.

  Returns:
    The networks.

  Raises:
    ValueError: if the action spec is not a finite box of floats.
  """
  return QuinoaNetworks(
    policy=make_flow_policy(spec, flow),
    value=make_value(value_hidden_sizes),
    example_observation=jax.tree_util.tree_map(
      lambda x: np.zeros((1, *x.shape), x.dtype), spec.observations
    ),
    example_action=np.zeros((1, *spec.actions.shape), np.float32),
  )
