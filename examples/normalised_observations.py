"""Observations normalised by Acme's `NormalizationBuilder`.

The wrapper keeps the mean and deviation of what the learner samples, and hands
them to actors beside the policy's parameters. Quinoa's parts do not know of it.

Run it by `python examples/normalised_observations.py`.
"""

import acme
from acme import specs
from acme.agents.jax import normalization
from acme.utils import loggers

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import layouts


def make_agent(
  spec: specs.EnvironmentSpec, config: quinoa.QuinoaConfig
) -> acme.Actor:
  """An agent that acts and learns on normalised observations."""
  networks = quinoa.QuinoaAgent(config).make_networks(spec)

  def make_builder(config):
    return normalization.NormalizationBuilder(
      # Acme asks for a narrower type than it needs.
      quinoa.QuinoaBuilder(config),  # pyright: ignore[reportArgumentType]
      spec,
      is_sequence_based=False,
      batch_dims=None,
    )

  return layouts.make_local_layout(
    config, spec, make_builder, networks, quinoa.make_policy(networks)
  )


if __name__ == '__main__':
  environment = environments.make_environment('control:cartpole:swingup', 0)
  # Acme's wrapper normalises the first and last states of a transition alone.
  one_step = quinoa.QuinoaConfig(returns=quinoa.OneStep())
  agent = make_agent(acme.make_environment_spec(environment), one_step)
  logger = loggers.TerminalLogger('quinoa')
  acme.EnvironmentLoop(environment, agent, logger=logger).run(num_steps=20_000)
