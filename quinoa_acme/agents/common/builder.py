"""Builds the parts of an off-policy agent, for any of Acme's layouts."""

from collections.abc import Callable, Iterator
import math
from typing import cast, Generic, TypeVar

from acme import adders as adders_lib
from acme import core
from acme import specs
from acme.agents.jax import actor_core as actor_core_lib
from acme.agents.jax import builders
from acme.datasets import reverb as datasets
from acme.jax import networks as networks_lib
from acme.jax import variable_utils
from acme.utils.loggers import base as loggers_base
import numpy as np
import reverb

from quinoa_acme.agents.common import actors
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import pace
from quinoa_acme.agents.common import variables
from quinoa_acme.data import batched_adders
from quinoa_acme.data import packing
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import resources

NetworksT = TypeVar('NetworksT')
ConfigT = TypeVar('ConfigT', bound=off_policy.OffPolicyConfig)


class OffPolicyBuilder(
  builders.GenericActorLearnerBuilder[
    NetworksT, off_policy.Policy, reverb.ReplaySample
  ],
  Generic[NetworksT, ConfigT],
):
  """Makes replay, dataset, adder and actor; each agent adds its learner.

  The learner must serve the policy's parameters under the name 'policy'.
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
    """Makes the table of transitions, with its limiter and its signature."""
    config = self._config
    pace.check_layout(
      config.min_replay_size,
      config.samples_per_insert_tolerance,
      type(self).__name__,
    )
    # Reverb counts items.
    number = config.transitions_per_item
    limiter = reverb.rate_limiters.SampleToInsertRatio(
      min_size_to_sample=math.ceil(config.min_replay_size / number),
      samples_per_insert=config.samples_per_insert * number,
      error_buffer=config.error_buffer,
    )
    layout = packing.Packing(environment_spec, config.window, number)
    return [
      reverb.Table(
        name=config.replay_table_name,
        sampler=reverb.selectors.Uniform(),
        remover=reverb.selectors.Fifo(),
        max_size=math.ceil(config.max_replay_size / number),
        rate_limiter=limiter,
        signature=layout.signature(),
      )
    ]

  def make_dataset_iterator(
    self, replay_client: reverb.Client
  ) -> Iterator[reverb.ReplaySample]:
    """Makes batches of num_sgd_steps_per_step * batch_size transitions.

    Args:
      replay_client: client of the server with the table.

    Returns:
      Samples whose data are transitions.

    Raises:
      ValueError: if the table does not hold packed transitions.
    """
    config = self._config
    table = replay_client.server_info()[config.replay_table_name]
    layout = packing.Packing.from_signature(table.signature)
    resources.hide_gpus_from_tensorflow()
    # One worker: each further one adds a thread, and batches in flight, which
    # are older when they are used.
    dataset = datasets.make_reverb_dataset(
      server_address=replay_client.server_address,
      table=config.replay_table_name,
      batch_size=config.samples_per_step,
      prefetch_size=config.prefetch_size,
      num_parallel_calls=1,
      max_in_flight_samples_per_worker=config.batch_size,
    )
    samples = cast(Iterator[reverb.ReplaySample], dataset.as_numpy_iterator())
    rng = np.random.default_rng()
    return (layout.unpack_sample(sample, rng) for sample in samples)

  def make_adder(self, replay_client: reverb.Client) -> adders_lib.Adder:
    """Makes the adder for the table's transitions."""
    config = self._config
    return replay_lib.make_adder(
      packing.PackedWriter(replay_client, config.replay_table_name),
      config.transition_steps,
      config.window,
      config.discount,
    )

  def make_batched_adder(
    self, replay_client: reverb.Client, num_environments: int
  ) -> batched_adders.BatchedAdder:
    """Makes the adder for an actor of this many environments."""
    config = self._config
    if config.transition_steps > 1:
      return batched_adders.AdderEach(
        [self.make_adder(replay_client) for _ in range(num_environments)]
      )
    return batched_adders.BatchedWindowAdder(
      packing.PackedWriter(replay_client, config.replay_table_name),
      num_environments,
      config.window,
      config.discount,
    )

  def make_actor(
    self,
    random_key: networks_lib.PRNGKey,
    policy_network: off_policy.Policy,
    adder: adders_lib.Adder | None = None,
    variable_source: core.VariableSource | None = None,
  ) -> core.Actor:
    """Makes a feed-forward actor, an `actors.SaveableActor`.

    Args:
      random_key: the actor's random key.
      policy_network: the policy.
      adder: receives the actor's observations, if given.
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
    core_ = actor_core_lib.batched_feed_forward_to_actor_core(policy_network)
    return actors.SaveableActor(
      variables.with_joined_params(core_),
      random_key,
      self._make_variable_client(variable_source),
      adder,
    )

  def make_batched_actor(
    self,
    random_key: networks_lib.PRNGKey,
    policy: off_policy.Policy,
    adder: batched_adders.BatchedAdder,
    variable_source: core.VariableSource,
  ) -> actors.BatchedActor:
    """Makes an actor of several environments; see `ActorsOfSeveral`."""
    return actors.BatchedActor(
      lambda params, key, observations: policy(
        params.split(), key, observations
      ),
      random_key,
      self._make_variable_client(variable_source),
      adder,
    )

  def _make_variable_client(
    self, source: core.VariableSource
  ) -> variable_utils.VariableClient:
    return variable_utils.VariableClient(
      variables.JoinedOnCPU(source),
      'policy',
      update_period=self._config.variable_update_period,
    )
