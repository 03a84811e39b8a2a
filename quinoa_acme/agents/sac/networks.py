"""The networks of SAC: Acme's own, or with other layers."""

from collections.abc import Callable
import dataclasses
from typing import Any

from acme import specs
from acme.agents.jax import sac
from acme.jax import networks as networks_lib
from acme.jax import utils
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.sac import config as config_lib
from quinoa_acme.agents.sac import layers
from quinoa_acme.agents.sac import normalising
from quinoa_acme.networks import layer_norm
from quinoa_acme.networks import norms
from quinoa_acme.networks import residual

# As Acme initialises its layers.
_ACME = hk.initializers.VarianceScaling(1.0, 'fan_in', 'uniform')


@dataclasses.dataclass
class NormalisedNetworks(sac.SACNetworks):
  """Networks that take normalised observations.

  Attributes:
    statistics: those before the first SGD step.
  """

  statistics: observations_lib.Statistics | None = None


def statistics_of(
  networks: sac.SACNetworks,
) -> observations_lib.Statistics | None:
  """The statistics before the first SGD step; None for raw observations."""
  if isinstance(networks, NormalisedNetworks):
    return networks.statistics
  return None


def make_networks(
  spec: specs.EnvironmentSpec, config: config_lib.SACConfig
) -> sac.SACNetworks:
  """Makes the networks: Acme's own, but for what the configuration changes.

  Args:
    spec: the environment's specs, whose actions lie in [-1, 1].
    config: the options.

  Returns:
    The networks. The Q-network gives all critics' values, [B, num_critics].
  """
  networks = _make_networks(spec, config)
  if config.observations == observations_lib.RawObservations():
    return networks
  return NormalisedNetworks(
    **vars(networks), statistics=normalising.initial_statistics(spec)
  )


def _make_networks(
  spec: specs.EnvironmentSpec, config: config_lib.SACConfig
) -> sac.SACNetworks:
  networks = sac.make_networks(spec, config.hidden_sizes)
  match config.layers:
    case layers.PlainLayers():
      is_acme = config.critic_norm == norms.NoNorm() and config.num_critics == 2
      if is_acme:
        return networks
      critic = _plain_critic(config)
    case layers.ResidualBlocks() as blocks:
      critic = _residual_critic(blocks)
      policy = _residual_policy(blocks, np.prod(spec.actions.shape, dtype=int))
      networks = dataclasses.replace(
        networks, policy_network=_initialised(policy, spec.observations)
      )

  def all_critics(observation: jax.Array, action: jax.Array) -> jax.Array:
    inputs = jnp.concatenate([observation, action], axis=-1)
    values = [critic(inputs) for _ in range(config.num_critics)]
    return jnp.concatenate(values, axis=-1)

  return dataclasses.replace(
    networks,
    q_network=_initialised(all_critics, spec.observations, spec.actions),
  )


def _initialised(
  function: Callable[..., Any], *inputs: Any
) -> networks_lib.FeedForwardNetwork:
  """A network of a Haiku function, initialised at zeros of these specs."""
  network = hk.without_apply_rng(hk.transform(function))
  zeros = [utils.add_batch_dim(utils.zeros_like(spec)) for spec in inputs]
  return networks_lib.FeedForwardNetwork(
    lambda key: network.init(key, *zeros), network.apply
  )


def _plain_critic(
  config: config_lib.SACConfig,
) -> Callable[[jax.Array], jax.Array]:
  """Acme's critic, with the normalisation between a layer and its ReLU."""

  def activation(hidden: jax.Array) -> jax.Array:
    if config.critic_norm == norms.LayerNorm():
      hidden = layer_norm.LayerNorm()(hidden)
    return jax.nn.relu(hidden)

  def critic(inputs: jax.Array) -> jax.Array:
    sizes = [*config.hidden_sizes, 1]
    return hk.nets.MLP(sizes, w_init=_ACME, activation=activation)(inputs)

  return critic


def _residual_critic(
  blocks: layers.ResidualBlocks,
) -> Callable[[jax.Array], jax.Array]:
  def critic(inputs: jax.Array) -> jax.Array:
    trunk = residual.ResidualTrunk(blocks.critic_width, blocks.critic_blocks)
    head = hk.Linear(1, w_init=residual.orthogonal)
    return head(trunk(inputs))

  return critic


def _residual_policy(
  blocks: layers.ResidualBlocks, num_dimensions: int
) -> Callable[[jax.Array], Any]:
  def policy(observation: jax.Array) -> Any:
    trunk = residual.ResidualTrunk(blocks.policy_width, blocks.policy_blocks)
    head = networks_lib.NormalTanhDistribution(num_dimensions)
    return head(trunk(observation))

  return policy
