"""Acme's SAC, its learner untouched, with a flow as its policy.

Run it by `python examples/flow_for_sac.py`.
"""

import dataclasses

import acme
from acme import specs
from acme.agents.jax import sac as acme_sac
from acme.jax import networks as networks_lib
from acme.utils import loggers
import jax.numpy as jnp

from quinoa_acme import environments
from quinoa_acme import networks as flows
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import layouts


def make_networks(
  spec: specs.EnvironmentSpec, flow: flows.RealNVPConfig
) -> acme_sac.SACNetworks:
  """SAC's networks, with a conditional RealNVP for its policy."""
  own = quinoa.make_networks(spec, flow=flow)
  policy, action = own.policy, jnp.asarray(own.example_action)

  def apply(params, observation):
    return quinoa.PolicyVariables(params, jnp.ones(())), observation

  return dataclasses.replace(
    acme_sac.make_networks(spec),
    policy_network=networks_lib.FeedForwardNetwork(
      lambda key: policy.init(key, own.example_observation, action), apply
    ),
    log_prob=lambda out, action: policy.log_prob(out[0], out[1], action),
    sample=lambda out, key: policy.sample(out[0], key, out[1]),
    sample_eval=lambda out, key: policy.mode(out[0], out[1]),
  )


def make_agent(
  spec: specs.EnvironmentSpec, config: sac.SACConfig, flow: flows.RealNVPConfig
) -> acme.Actor:
  """SAC, with that policy."""
  networks = make_networks(spec, flow)
  policy = acme_sac.apply_policy_and_sample(networks)

  def make_builder(config):
    return sac.SACAgent(config).make_builder(spec, loggers.NoOpLogger)

  return layouts.make_local_layout(config, spec, make_builder, networks, policy)


if __name__ == '__main__':
  task = environments.make_environment('control:cartpole:swingup', 0)
  options = sac.SACConfig(), flows.RealNVPConfig()
  agent = make_agent(acme.make_environment_spec(task), *options)
  acme.EnvironmentLoop(task, agent).run(num_steps=20_000)
