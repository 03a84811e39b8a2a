"""Quinoa as a run uses it."""

from collections.abc import Callable
import dataclasses

from acme import specs
from acme.utils.loggers import base as loggers_base

from quinoa_acme.agents import off_policy
from quinoa_acme.agents.quinoa import acting
from quinoa_acme.agents.quinoa import builder as builder_lib
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import networks as networks_lib


@dataclasses.dataclass(frozen=True)
class QuinoaAgent:
  """Quinoa; an `off_policy.OffPolicyAgent`.

  Attributes:
    config: the options.
  """

  config: config_lib.QuinoaConfig

  @property
  def evaluation(self) -> str:
    """Which action is taken in evaluation."""
    return str(self.config.evaluation_policy)

  def make_networks(
    self, spec: specs.EnvironmentSpec
  ) -> networks_lib.QuinoaNetworks:
    """Makes the networks that the options name."""
    config = self.config
    sizes = {'value_hidden_sizes': config.value_hidden_sizes}
    if isinstance(config.fit, fit_lib.CriticFit):
      sizes['critic_hidden_sizes'] = config.fit.hidden_sizes
    return networks_lib.make_networks(spec, flow=config.flow, **sizes)

  def make_builder(
    self,
    spec: specs.EnvironmentSpec,
    logger_fn: Callable[[], loggers_base.Logger] = loggers_base.NoOpLogger,
  ) -> builder_lib.QuinoaBuilder:
    """Makes the builder of replay, actor and learner."""
    del spec
    return builder_lib.QuinoaBuilder(self.config, logger_fn)

  def make_policy(
    self, networks: networks_lib.QuinoaNetworks
  ) -> off_policy.Policy:
    """Makes the policy that the actors act by, a sample."""
    return acting.make_policy(networks)

  def make_evaluation_policy(
    self, networks: networks_lib.QuinoaNetworks
  ) -> off_policy.Policy:
    """Makes the policy that is evaluated, as the options say."""
    return acting.make_policy(networks, self.config.evaluation_policy)
