"""A network factory of one's own: a residual value, any pure functions will do.

Run it by `python examples/own_networks.py`.
"""

import dataclasses

import acme
from acme import specs
from acme.jax import networks as networks_lib
import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme import environments
from quinoa_acme import networks as networks_parts
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import layouts


class ResidualValue(hk.Module):
  """V(s), by blocks that each add to their input."""

  def __call__(self, observation) -> jax.Array:
    """Values observations, a nest of [B, ...], to float32 of shape [B]."""
    x = hk.Linear(64)(networks_parts.flatten_observation(observation))
    for _ in range(2):
      x += hk.Linear(64)(jax.nn.elu(x))
    # Zero at first, so that Q is too.
    return jnp.squeeze(hk.Linear(1, w_init=jnp.zeros)(x), axis=-1)


def make_networks(
  config: quinoa.QuinoaConfig, spec: specs.EnvironmentSpec
) -> quinoa.QuinoaNetworks:
  """Makes them; with a config, a `network_factory` of Acme's layouts."""
  value = hk.without_apply_rng(
    hk.transform(lambda observation: ResidualValue()(observation))
  )
  return dataclasses.replace(
    quinoa.QuinoaAgent(config).make_networks(spec),
    value=networks_lib.FeedForwardNetwork(value.init, value.apply),
  )


if __name__ == '__main__':
  task = environments.make_environment('control:cartpole:swingup', 0)
  task_spec = acme.make_environment_spec(task)
  config = quinoa.QuinoaConfig()
  own = make_networks(config, task_spec)
  agent = layouts.make_local_layout(
    config, task_spec, quinoa.QuinoaBuilder, own, quinoa.make_policy(own)
  )
  acme.EnvironmentLoop(task, agent).run(num_steps=20_000)
