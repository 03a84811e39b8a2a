"""An agent of your own, here Acme's TD3: all that a run needs of it.

Run it by `python examples/own_agent.py --preset=debug --num_steps=2000`.
"""

import dataclasses

from acme.agents.jax import td3

from quinoa_acme import agents
from quinoa_acme.agents.common import acme_agents
from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import scripts


@dataclasses.dataclass(frozen=True)
class TD3Config(off_policy.OffPolicyConfig):
  sigma: float = 0.1  # Of the noise on the actors' actions; --sigma=0.2.

  @classmethod
  def debug(cls):  # A preset, as any class method is.
    return cls(**off_policy.SMALL_REPLAY)


class TD3Builder(acme_agents.BuilderMixin, td3.TD3Builder): ...


@dataclasses.dataclass(frozen=True)
class TD3Agent:
  config: TD3Config
  evaluation = 'mode'

  def make_networks(self, spec):
    return td3.make_networks(acme_agents.as_acme(spec))

  def make_builder(self, spec, logger_fn):
    names = {field.name for field in dataclasses.fields(td3.TD3Config)}
    options = {k: v for k, v in vars(self.config).items() if k in names}
    return TD3Builder(td3.TD3Config(**options), logger_fn)

  def make_policy(self, networks, choice=None):
    sigma = 0.0 if choice == choices.BaseMode() else self.config.sigma
    return lambda params, key, observation: networks.add_policy_noise(
      networks.policy_network.apply(params, observation), key, sigma, 1.0
    )

  def make_evaluation_policy(self, networks):
    return self.make_policy(networks, choices.BaseMode())

  def saved_policy(self, networks):
    policy = networks.policy_network
    return acme_agents.saved_policy(policy.init, 'policy_params')


agents.register('td3', TD3Config, TD3Agent)

if __name__ == '__main__':
  scripts.train('td3')
