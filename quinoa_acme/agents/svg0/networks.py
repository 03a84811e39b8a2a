"""The networks of the SVG(0) agent, as pure functions."""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any

import haiku as hk
import jax
import numpy as np

from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import gaussian
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests

Params = types.Params
Observation = types.Observation
PRNGKey = types.PRNGKey


@dataclasses.dataclass(frozen=True)
class SVG0Policy:
  """The policy pi(a|s), with differentiable samples.

  Actions have the environment's shape and bounds, float32 of shape
  [B, *action] for a batch of B observations.

  Attributes:
    init: `init(key, observation)` makes the parameters.
    sample: `sample(params, key, observation)` to one action per state.
    sample_and_log_prob: `sample_and_log_prob(params, key, observation,
      num_actions)` to K actions per state, [K, B, *action], functions of the
      parameters and of noise, with their log-density, [K, B].
    log_prob: `log_prob(params, observation, action)` to float32 [..., B], with
      actions of shape [..., B, *action].
    mode: `mode(params, observation)` to one greedy action per state.
    relative_entropy: `relative_entropy(params, others, observation)` to the KL
      divergence KL(pi || pi of the other parameters), [B].
    uniform_log_prob: the log-density of the uniform policy, a float.
    share_at_bounds: `share_at_bounds(action)` to the share of action elements
      within 1 % of a bound.
  """

  init: Callable[[PRNGKey, Observation], Params]
  sample: Callable[[Params, PRNGKey, Observation], jax.Array]
  sample_and_log_prob: Callable[
    [Params, PRNGKey, Observation, int], tuple[jax.Array, jax.Array]
  ]
  log_prob: Callable[[Params, Observation, jax.Array], jax.Array]
  mode: Callable[[Params, Observation], jax.Array]
  relative_entropy: Callable[[Params, Params, Observation], jax.Array]
  uniform_log_prob: float
  share_at_bounds: Callable[[jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class SVG0Networks:
  """All networks that SVG(0) learns.

  Attributes:
    policy: the policy pi(a|s).
    critic: Q(a, s), `init(key, observation, action)` and `apply(params,
      observation, action)` to float32 [..., B], with actions of shape
      [..., B, *action].
    example_observation: a batch of one observation, for the shapes.
    example_action: the action of that batch.
  """

  policy: SVG0Policy
  critic: hk.Transformed
  example_observation: Observation
  example_action: np.ndarray


def make_gaussian_policy(
  spec: types.EnvironmentSpec, config: gaussian.GaussianConfig
) -> SVG0Policy:
  """Makes a Gaussian policy for an environment.

  Args:
    spec: the environment's specs; the action must be a finite box of floats.
    config: the kind of Gaussian and its shape.

  Returns:
    The policy.

  Raises:
    ValueError: if the action spec is not a finite box of floats.
  """
  box = box_lib.Box.from_spec(spec.actions)
  network = hk.without_apply_rng(
    hk.transform(lambda obs: gaussian.ConditionalGaussian(box, config)(obs))
  )

  def sample(params, key, observation):
    action = network.apply(params, observation).sample(seed=key)
    return box.unflatten(action)

  def sample_and_log_prob(params, key, observation, num_actions):
    action, log_prob = network.apply(params, observation).sample_and_log_prob(
      seed=key, sample_shape=(num_actions,)
    )
    return box.unflatten(action), log_prob

  def log_prob(params, observation, action):
    return network.apply(params, observation).log_prob(box.flatten(action))

  def mode(params, observation):
    return box.unflatten(network.apply(params, observation).mode())

  def relative_entropy(params, others, observation):
    return network.apply(params, observation).relative_entropy(
      network.apply(others, observation)
    )

  return SVG0Policy(
    init=network.init,
    sample=sample,
    sample_and_log_prob=sample_and_log_prob,
    log_prob=log_prob,
    mode=mode,
    relative_entropy=relative_entropy,
    uniform_log_prob=-box.log_volume,
    share_at_bounds=lambda action: box.share_at_bounds(box.flatten(action)),
  )


def make_networks(
  spec: types.EnvironmentSpec,
  *,
  policy: gaussian.GaussianConfig = gaussian.ClippedGaussianConfig(),
  critic_hidden_sizes: Sequence[int] = (128, 128),
) -> SVG0Networks:
  """Makes the networks for an environment.

  At initialisation Q(a, s) is zero everywhere, and the policy's mean is the
  box's centre.

  Args:
    spec: the environment's specs.
    policy: the kind of Gaussian and its shape.
    critic_hidden_sizes: width of each hidden layer of the critic.

  Returns:
    The networks.

  Raises:
    ValueError: if the action spec is not a finite box of floats.
  """
  return SVG0Networks(
    policy=make_gaussian_policy(spec, policy),
    critic=quinoa_networks.make_critic(spec, critic_hidden_sizes),
    example_observation=_make_example(spec.observations),
    example_action=_make_example(spec.actions),
  )


def _make_example(part: Any) -> Any:
  """A batch of one, all zeros, for each spec in a nest."""
  return jax.tree_util.tree_map(
    lambda leaf: np.zeros((1, *leaf.shape), leaf.dtype), nests.canonical(part)
  )
