"""Acme's own SAC, in the form that a run uses: the baseline for Quinoa.

Haarnoja et al., 'Soft Actor-Critic Algorithms and Applications', 2018 (arXiv
1812.05905). Losses and learner are dm-acme's, unchanged, and by default the
networks too. Options add layer normalisation, n-step returns, and SimBa's
networks (Lee et al., 2024, arXiv 2410.09754).
"""

from collections.abc import Callable
import dataclasses

from acme.agents.jax import sac
from acme.utils.loggers import base as loggers_base

from quinoa_acme.agents.common import acme_agents
from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.sac import builder as builder_lib
from quinoa_acme.agents.sac import config as config_lib
from quinoa_acme.agents.sac import networks as networks_lib
from quinoa_acme.agents.sac import normalising
from quinoa_acme.utils import common_types as types


@dataclasses.dataclass(frozen=True)
class SACAgent:
  """Acme's SAC; an `off_policy.OffPolicyAgent`.

  Attributes:
    config: the options.
  """

  config: config_lib.SACConfig

  @property
  def evaluation(self) -> str:
    """The action to take in evaluation."""
    return 'mode'

  def make_networks(self, spec: types.EnvironmentSpec) -> sac.SACNetworks:
    """Makes Acme's networks, with the layers that the options say.

    Raises:
      ValueError: if the action box is not [-1, 1], which Acme's SAC assumes.
    """
    acme_agents.check_actions(spec, "Acme's SAC")
    networks = networks_lib.make_networks(
      acme_agents.as_acme(spec), self.config
    )
    return dataclasses.replace(
      networks,
      policy_network=acme_agents.with_inputs(networks.policy_network),
      q_network=acme_agents.with_inputs(networks.q_network),
    )

  def make_builder(
    self,
    spec: types.EnvironmentSpec,
    logger_fn: Callable[[], loggers_base.Logger] | None = None,
  ) -> builder_lib.SACBuilder:
    """Makes the builder of replay, actor and learner."""
    config = self.config
    acme_config = sac.SACConfig(
      batch_size=config.batch_size,
      learning_rate=config.learning_rate,
      discount=config.discount,
      n_step=config.n_step,
      target_entropy=sac.target_entropy_from_env_spec(
        acme_agents.as_acme(spec), config.target_entropy_per_dimension
      ),
      tau=config.tau,
      min_replay_size=config.min_replay_size,
      max_replay_size=config.max_replay_size,
      replay_table_name=config.replay_table_name,
      prefetch_size=config.prefetch_size,
      samples_per_insert=config.samples_per_insert,
      samples_per_insert_tolerance_rate=config.samples_per_insert_tolerance,
      num_sgd_steps_per_step=config.num_sgd_steps_per_step,
    )
    return builder_lib.SACBuilder(
      acme_config, logger_fn or loggers_base.NoOpLogger, config
    )

  def make_policy(
    self,
    networks: sac.SACNetworks,
    choice: choices.ActionChoice = choices.Sample(),
  ) -> off_policy.Policy:
    """Makes a policy; actors use the default, a sample.

    Raises:
      ValueError: if the choice is neither a sample nor the mode.
    """
    if not isinstance(choice, choices.Sample | choices.BaseMode):
      raise ValueError(
        f"Acme's SAC acts by Sample() or BaseMode(), its mode, not by {choice}."
      )
    policy = sac.apply_policy_and_sample(
      networks, eval_mode=isinstance(choice, choices.BaseMode)
    )
    if networks_lib.statistics_of(networks) is None:
      return policy
    return normalising.make_policy(policy)

  def make_evaluation_policy(
    self, networks: sac.SACNetworks
  ) -> off_policy.Policy:
    """Makes the policy for evaluation, the mode."""
    return self.make_policy(networks, choices.BaseMode())

  def saved_policy(self, networks: sac.SACNetworks) -> off_policy.SavedPolicy:
    """Describes where the policy lies in an `acme_agents.CountedState`."""
    saved = acme_agents.saved_policy(
      networks.policy_network.init, 'policy_params'
    )
    statistics = networks_lib.statistics_of(networks)
    if statistics is None:
      return saved
    return normalising.saved_policy(saved, statistics)
