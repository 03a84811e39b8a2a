"""Builds the parts of an off-policy agent, for a run or Acme's layouts."""

import abc
from collections.abc import Callable, Iterator
from typing import Any, Generic, TYPE_CHECKING, TypeVar

from quinoa_acme.agents.common import actors
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import variables
from quinoa_acme.data import adders
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import counting
from quinoa_acme.utils import extras
from quinoa_acme.utils.counts_as import counts_as

if TYPE_CHECKING:
  from acme.agents.jax import builders
  import reverb

  # As which it counts; see `counts_as`.
  _Interface = builders.GenericActorLearnerBuilder[Any, Any, Any]
else:
  _Interface = abc.ABC

NetworksT = TypeVar('NetworksT')
ConfigT = TypeVar('ConfigT', bound=off_policy.OffPolicyConfig)


@counts_as('acme.agents.jax.builders', 'GenericActorLearnerBuilder')
class OffPolicyBuilder(_Interface, Generic[NetworksT, ConfigT]):
  """Makes replay, dataset, adder and actor; each agent adds its learner.

  It is one of Acme's builders (`acme.agents.jax.builders`) wherever Acme is
  imported. Replay, dataset and adder are Reverb's, which only they import. The
  learner must serve the policy's parameters under the name 'policy'.
  """

  def __init__(
    self,
    config: ConfigT,
    logger_fn: Callable[[], core.Logger] = core.NoOpLogger,
  ):
    """Makes the builder.

    Args:
      config: the agent's options.
      logger_fn: makes the learner's logger.
    """
    self._config = config
    self._logger_fn = logger_fn

  @abc.abstractmethod
  def make_learner(
    self,
    random_key: types.PRNGKey,
    networks: NetworksT,
    dataset: Iterator[replay_lib.Sample],
    replay_client: 'reverb.Client | None' = None,
    counter: counting.AnyCounter | None = None,
  ) -> core.Learner:
    """Makes the learner.

    Args:
      random_key: the learner's random key.
      networks: the agent's networks.
      dataset: samples whose data are transitions.
      replay_client: client of the server with the table.
      counter: counts steps (SGD steps) and walltime.

    Returns:
      The learner.
    """

  def make_replay_tables(self, environment_spec: Any) -> 'list[reverb.Table]':
    """Makes the table of transitions, with its limiter and its signature.

    Args:
      environment_spec: the environment's specs, Acme's or the package's.

    Returns:
      The table.

    Raises:
      ValueError: if it is for a layout that would wait for itself.
    """
    return _reverb_replay().make_tables(
      self._config, environment_spec, type(self).__name__
    )

  def make_dataset_iterator(
    self, replay_client: 'reverb.Client'
  ) -> 'Iterator[reverb.ReplaySample]':
    """Makes batches of num_sgd_steps_per_step * batch_size transitions.

    Args:
      replay_client: client of the server with the table.

    Returns:
      Samples whose data are transitions.

    Raises:
      ValueError: if the table does not hold packed transitions.
    """
    return _reverb_replay().make_dataset(self._config, replay_client)

  def make_adder(self, replay_client: 'reverb.Client') -> core.Adder:
    """Makes the adder for the table's transitions."""
    return _reverb_replay().make_adder(self._config, replay_client)

  def make_batched_adder(
    self, replay_client: 'reverb.Client', num_environments: int
  ) -> adders.BatchedAdder:
    """Makes the adder for an actor of this many environments."""
    if self._config.transition_steps > 1:
      return adders.AdderEach(
        [self.make_adder(replay_client) for _ in range(num_environments)]
      )
    return _reverb_replay().make_batched_adder(
      self._config, replay_client, num_environments
    )

  def make_actor(
    self,
    random_key: types.PRNGKey,
    policy_network: off_policy.Policy,
    adder: core.Adder | None = None,
    variable_source: core.VariableSource | None = None,
  ) -> actors.SaveableActor:
    """Makes a feed-forward actor.

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
    return actors.SaveableActor(
      variables.with_joined_params(actors.make_core(policy_network)),
      random_key,
      self._make_variable_client(variable_source),
      adder,
    )

  def make_batched_actor(
    self,
    random_key: types.PRNGKey,
    policy: off_policy.Policy,
    adder: adders.BatchedAdder,
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
  ) -> variables.VariableClient:
    return variables.VariableClient(
      variables.JoinedOnCPU(source),
      'policy',
      update_period=self._config.variable_update_period,
    )


def _reverb_replay():
  """The module that is about Reverb, which takes seconds to import."""
  with extras.needed_for("Reverb's replay"):
    from quinoa_acme.agents.common import reverb_replay

    return reverb_replay
