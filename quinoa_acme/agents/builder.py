"""Builds an off-policy agent's parts, for any layout of Acme's."""

from collections.abc import Callable, Iterator
from typing import Any, cast, Generic, TypeVar

from acme import adders
from acme import core
from acme import specs
from acme.adders import reverb as adders_reverb
from acme.agents.jax import actor_core as actor_core_lib
from acme.agents.jax import builders
from acme.datasets import reverb as datasets
from acme.jax import networks as networks_lib
from acme.jax import variable_utils
from acme.utils.loggers import base as loggers_base
import dm_env
import numpy as np
import reverb

from quinoa_acme import resources
from quinoa_acme.agents import actors
from quinoa_acme.agents import off_policy

NetworksT = TypeVar('NetworksT')
ConfigT = TypeVar('ConfigT', bound=off_policy.OffPolicyConfig)


class OffPolicyBuilder(
  builders.GenericActorLearnerBuilder[
    NetworksT, off_policy.Policy, reverb.ReplaySample
  ],
  Generic[NetworksT, ConfigT],
):
  """Makes replay, dataset, adder and actor; each agent adds its learner.

  The learner must serve the parameters of the policy by the name 'policy'.
  """

  def __init__(
    self,
    config: ConfigT,
    logger_fn: Callable[[], loggers_base.Logger] = loggers_base.NoOpLogger,
  ):
    """Makes the builder.

    Args:
      config: the agent's options.
      logger_fn: makes the learner's logger.
    """
    self._config = config
    self._logger_fn = logger_fn

  def make_replay_tables(
    self, environment_spec: specs.EnvironmentSpec
  ) -> list[reverb.Table]:
    """Makes the table of transitions, with its limiter and signature."""
    config = self._config
    limiter = reverb.rate_limiters.SampleToInsertRatio(
      min_size_to_sample=config.min_replay_size,
      samples_per_insert=config.samples_per_insert,
      error_buffer=config.error_buffer,
    )
    return [
      reverb.Table(
        name=config.replay_table_name,
        sampler=reverb.selectors.Uniform(),
        remover=reverb.selectors.Fifo(),
        max_size=config.max_replay_size,
        rate_limiter=limiter,
        signature=adders_reverb.NStepTransitionAdder.signature(
          environment_spec
        ),
      )
    ]

  def make_dataset_iterator(
    self, replay_client: reverb.Client
  ) -> Iterator[reverb.ReplaySample]:
    """Makes batches of num_sgd_steps_per_step * batch_size transitions."""
    config = self._config
    resources.hide_gpus_from_tensorflow()
    # One worker: each more keeps batches of its own in flight, which are older
    # when they are used, and a thread.
    dataset = datasets.make_reverb_dataset(
      server_address=replay_client.server_address,
      table=config.replay_table_name,
      batch_size=config.samples_per_step,
      prefetch_size=config.prefetch_size,
      num_parallel_calls=1,
      max_in_flight_samples_per_worker=config.batch_size,
    )
    return cast(Iterator[reverb.ReplaySample], dataset.as_numpy_iterator())

  def make_adder(self, replay_client: reverb.Client) -> adders.Adder:
    """Makes the adder of one-step transitions."""
    name = self._config.replay_table_name
    return _OneStepAdder(replay_client, name)

  def make_actor(
    self,
    random_key: networks_lib.PRNGKey,
    policy_network: off_policy.Policy,
    adder: adders.Adder | None = None,
    variable_source: core.VariableSource | None = None,
  ) -> core.Actor:
    """Makes a feed-forward actor, an `actors.SaveableActor`.

    Args:
      random_key: the actor's random key.
      policy_network: the policy.
      adder: takes what the actor sees, if given.
      variable_source: the learner, or a proxy of it.

    Returns:
      The actor.

    Raises:
      ValueError: if no variable source is given.
    """
    if variable_source is None:
      raise ValueError(
        'make_actor needs a variable_source to take parameters from: pass the '
        'learner or its Courier client.'
      )
    variable_client = variable_utils.VariableClient(
      variable_source,
      'policy',
      update_period=self._config.variable_update_period,
      device='cpu',
    )
    core_ = actor_core_lib.batched_feed_forward_to_actor_core(policy_network)
    return actors.SaveableActor(core_, random_key, variable_client, adder)


class _OneStepAdder(adders_reverb.NStepTransitionAdder):
  """Adds one-step transitions with actions of the table's own dtype.

  The policy gives float32, but an environment may take float64, and Reverb
  refuses an item whose dtype differs from the table's signature.
  """

  def __init__(self, client: reverb.Client, table: str):
    # With one step there is nothing to discount.
    super().__init__(client, n_step=1, discount=1.0, priority_fns={table: None})
    signature: Any = client.server_info()[table].signature
    self._action_dtype = signature.action.dtype.as_numpy_dtype

  def add(
    self,
    action: np.ndarray,
    next_timestep: dm_env.TimeStep,
    extras=(),
  ) -> None:
    super().add(np.asarray(action, self._action_dtype), next_timestep, extras)
