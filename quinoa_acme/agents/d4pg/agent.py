"""Acme's own D4PG, in the form that a run uses: a second baseline for Quinoa.

Barth-Maron et al., 'Distributed Distributional Deterministic Policy Gradients',
2018 (arXiv 1804.08617). Networks, losses and learner are dm-acme's, unchanged.
Replay is uniform, as there. The actors' noisy actions are clipped to the box,
as Acme's environments clip them.
"""

from collections.abc import Callable
import dataclasses

from acme.agents.jax import d4pg
from acme.utils.loggers import base as loggers_base
import jax.numpy as jnp
import rlax

from quinoa_acme.agents.common import acme_agents
from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.d4pg import config as config_lib
from quinoa_acme.utils import common_types as types


class D4PGBuilder(acme_agents.BuilderMixin, d4pg.D4PGBuilder):
  """Acme's builder with the package's actors, and a learner that counts.

  A step of the learner then counts as an SGD step, not as a call of several.
  """


@dataclasses.dataclass(frozen=True)
class D4PGAgent:
  """Acme's D4PG; an `off_policy.OffPolicyAgent`.

  Attributes:
    config: the options.
  """

  config: config_lib.D4PGConfig

  @property
  def evaluation(self) -> str:
    """The action to take in evaluation."""
    return 'mode'

  def make_networks(self, spec: types.EnvironmentSpec) -> d4pg.D4PGNetworks:
    """Makes Acme's networks.

    Raises:
      ValueError: if the action box is not [-1, 1], which sets the unit of the
        noise.
    """
    acme_agents.check_actions(spec, "Acme's D4PG")
    config = self.config
    networks = d4pg.make_networks(
      acme_agents.as_acme(spec),
      policy_layer_sizes=config.policy_hidden_sizes,
      critic_layer_sizes=config.critic_hidden_sizes,
      vmin=config.min_value,
      vmax=config.max_value,
      num_atoms=config.num_atoms,
    )
    return dataclasses.replace(
      networks,
      policy_network=acme_agents.with_inputs(networks.policy_network),
      critic_network=acme_agents.with_inputs(networks.critic_network),
    )

  def make_builder(
    self,
    spec: types.EnvironmentSpec,
    logger_fn: Callable[[], loggers_base.Logger] | None = None,
  ) -> D4PGBuilder:
    """Makes the builder of replay, actor and learner."""
    del spec
    config = self.config
    acme_config = d4pg.D4PGConfig(
      sigma=config.sigma,
      target_update_period=config.target_update_period,
      samples_per_insert=config.samples_per_insert,
      n_step=config.n_step,
      discount=config.discount,
      batch_size=config.batch_size,
      learning_rate=config.learning_rate,
      min_replay_size=config.min_replay_size,
      max_replay_size=config.max_replay_size,
      replay_table_name=config.replay_table_name,
      prefetch_size=config.prefetch_size,
      samples_per_insert_tolerance_rate=config.samples_per_insert_tolerance,
      num_sgd_steps_per_step=config.num_sgd_steps_per_step,
    )
    return D4PGBuilder(acme_config, logger_fn or loggers_base.NoOpLogger)

  def make_policy(
    self,
    networks: d4pg.D4PGNetworks,
    choice: choices.ActionChoice = choices.Sample(),
  ) -> off_policy.Policy:
    """Makes a policy; actors use the default, a sample: the mode plus noise.

    Raises:
      ValueError: if the choice is neither a sample nor the mode.
    """
    mode = d4pg.get_default_eval_policy(networks)
    sigma = self.config.sigma

    def sample(params, key, observation):
      action = mode(params, key, observation)
      return jnp.clip(rlax.add_gaussian_noise(key, action, sigma), -1.0, 1.0)

    match choice:
      case choices.Sample():
        return sample
      case choices.BaseMode():
        return mode
    raise ValueError(
      f"Acme's D4PG acts by Sample() or BaseMode(), its mode, not by {choice}."
    )

  def make_evaluation_policy(
    self, networks: d4pg.D4PGNetworks
  ) -> off_policy.Policy:
    """Makes the policy for evaluation, the mode."""
    return self.make_policy(networks, choices.BaseMode())

  def saved_policy(self, networks: d4pg.D4PGNetworks) -> off_policy.SavedPolicy:
    """Describes where the policy lies in an `acme_agents.CountedState`."""
    return acme_agents.saved_policy(
      networks.policy_network.init, 'target_policy_params'
    )
