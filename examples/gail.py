"""Imitation: Acme's GAIL, with Quinoa as its reinforcement learner.

Run it by `python examples/gail.py control:walker:walk data.npz`.
"""

import sys

import acme
from acme import specs
from acme.agents.jax import ail
from acme.utils import loggers
import haiku as hk
import optax

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import layouts
from quinoa_acme.data import replay


def make_agent(
  spec: specs.EnvironmentSpec,
  config: quinoa.QuinoaConfig,
  data: replay.TransitionReplay,
) -> acme.Actor:
  """An agent that imitates; it never sees the environment's rewards."""

  def discriminate(*inputs):
    mlp = ail.DiscriminatorMLP((64, 64))
    return ail.DiscriminatorModule(spec, True, False, mlp)(*inputs)

  direct = quinoa.QuinoaAgent(config).make_networks(spec)
  module = hk.without_apply_rng(hk.transform_with_state(discriminate))
  discriminator = ail.make_discriminator(spec, module)
  networks = ail.AILNetworks(discriminator, ail.rewards.gail_reward(), direct)

  def make_builder(config):
    return ail.AILBuilder(
      quinoa.QuinoaBuilder(config),
      ail.AILConfig(
        direct_rl_batch_size=config.samples_per_step,
        discriminator_batch_size=config.samples_per_step,
        discriminator_optimizer=optax.adam(1e-3),
      ),
      ail.losses.gail_loss(),
      lambda n: iter(lambda: acme.types.Transition(*data.sample(n)), None),
      logger_fn=loggers.NoOpLogger,
    )

  policy = quinoa.make_policy(direct)
  return layouts.make_local_layout(config, spec, make_builder, networks, policy)


if __name__ == '__main__':
  task = environments.make_environment(sys.argv[1], 0)
  spec_ = acme.make_environment_spec(task)
  data = replay.TransitionReplay.load(sys.argv[2], spec_, 0)  # record_data.py's
  # The discriminator gives rewards for one step.
  agent = make_agent(spec_, quinoa.QuinoaConfig(returns=quinoa.OneStep()), data)
  acme.EnvironmentLoop(task, agent).run(num_steps=50_000)
