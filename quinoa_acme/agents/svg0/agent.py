"""SVG(0) as a run uses it."""

from collections.abc import Callable
import dataclasses

from acme import specs
from acme.utils.loggers import base as loggers_base

from quinoa_acme.agents import off_policy
from quinoa_acme.agents.quinoa import acting
from quinoa_acme.agents.svg0 import builder as builder_lib
from quinoa_acme.agents.svg0 import config as config_lib
from quinoa_acme.agents.svg0 import networks as networks_lib


@dataclasses.dataclass(frozen=True)
class SVG0Agent:
  """SVG(0); an `off_policy.OffPolicyAgent`.

  Attributes:
    config: the options.
  """

  config: config_lib.SVG0Config

  @property
  def evaluation(self) -> str:
    """Which action is taken in evaluation."""
    return str(self.config.evaluation_policy)

  def make_networks(
    self, spec: specs.EnvironmentSpec
  ) -> networks_lib.SVG0Networks:
    """Makes the networks that the options name."""
    return networks_lib.make_networks(
      spec,
      policy=self.config.policy,
      critic_hidden_sizes=self.config.critic_hidden_sizes,
    )

  def make_builder(
    self,
    spec: specs.EnvironmentSpec,
    logger_fn: Callable[[], loggers_base.Logger] = loggers_base.NoOpLogger,
  ) -> builder_lib.SVG0Builder:
    """Makes the builder of replay, actor and learner."""
    del spec
    return builder_lib.SVG0Builder(self.config, logger_fn)

  def make_policy(
    self, networks: networks_lib.SVG0Networks
  ) -> off_policy.Policy:
    """Makes the policy that the actors act by, a sample."""
    return networks.policy.sample

  def make_evaluation_policy(
    self, networks: networks_lib.SVG0Networks
  ) -> off_policy.Policy:
    """Makes the policy that is evaluated, as the options say."""
    match self.config.evaluation_policy:
      case acting.Sample():
        return networks.policy.sample
      case acting.BaseMode():
        mode = networks.policy.mode
        return lambda params, key, observation: mode(params, observation)
