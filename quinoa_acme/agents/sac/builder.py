"""Builds the parts of Acme's SAC for a run."""

from collections.abc import Callable, Iterator
import functools

from acme import core
from acme.agents.jax import sac
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import jax.numpy as jnp
import reverb

from quinoa_acme.agents.common import acme_agents
from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.sac import config as config_lib
from quinoa_acme.agents.sac import networks as networks_lib
from quinoa_acme.agents.sac import normalising
from quinoa_acme.agents.sac import optimizer as optimizer_lib
from quinoa_acme.utils import common_types as types


class _OptionsBuilder(sac.SACBuilder):
  """Acme's builder, with the options that Acme's own does not have."""

  def __init__(
    self,
    config: sac.SACConfig,
    logger_fn: Callable[[], loggers_base.Logger] = loggers_base.NoOpLogger,
    options: config_lib.SACConfig = config_lib.SACConfig(),
  ):
    """Makes the builder.

    Args:
      config: Acme's options.
      logger_fn: makes the learner's logger.
      options: ours. Of them, those that Acme has too are not read.
    """
    super().__init__(config, logger_fn)
    self._options = options

  def make_learner(
    self,
    random_key: types.PRNGKey,
    networks: sac.SACNetworks,
    dataset: Iterator[reverb.ReplaySample],
    replay_client: reverb.Client | None = None,
    counter: counting.Counter | None = None,
  ) -> core.Learner:
    """Makes Acme's learner; see `acme_agents.BuilderMixin.make_learner`.

    Raises:
      ValueError: if observations are to be normalised, but the networks are not
        made for that.
    """
    make = functools.partial(self._make_learner, random_key, networks, counter)
    del replay_client
    option = self._options.observations
    if isinstance(option, observations_lib.RawObservations):
      return make(dataset)
    statistics = networks_lib.statistics_of(networks)
    if statistics is None:
      raise ValueError(
        f'observations={option} needs networks of SACAgent.make_networks, '
        'which hold the statistics. Use those, or RawObservations().'
      )
    return normalising.NormalisingLearner(make, dataset, option, statistics)

  def _make_learner(
    self,
    random_key: types.PRNGKey,
    networks: sac.SACNetworks,
    counter: counting.Counter | None,
    dataset: Iterator[reverb.ReplaySample],
  ) -> sac.SACLearner:
    options, config = self._options, self._config
    policy_optimizer, q_optimizer = (
      optimizer_lib.make_optimizer(config.learning_rate, options.weight_decay)
      for _ in range(2)
    )
    learner = sac.SACLearner(
      networks=networks,
      tau=config.tau,
      discount=config.discount,
      entropy_coefficient=config.entropy_coefficient,
      target_entropy=config.target_entropy,
      rng=random_key,
      reward_scale=config.reward_scale,
      num_sgd_steps_per_step=config.num_sgd_steps_per_step,
      policy_optimizer=policy_optimizer,
      q_optimizer=q_optimizer,
      iterator=dataset,
      logger=self._logger_fn(),
      counter=counter,
    )
    if options.initial_temperature != 1.0:  # Acme's.
      learner.restore(
        learner.save()._replace(
          alpha_params=jnp.log(jnp.float32(options.initial_temperature))
        )
      )
    return learner


class SACBuilder(acme_agents.BuilderMixin, _OptionsBuilder):
  """Acme's builder with the package's actors, and a learner that counts.

  A step of the learner then counts as an SGD step, not as a call of several.
  """
