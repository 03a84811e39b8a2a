"""What all off-policy agents of the package share: replay, pace, interface.

A run (`quinoa_acme.runs.experiment`) knows its agent only through this module,
so the same code trains, evaluates and logs every agent.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple, Protocol, TYPE_CHECKING

import jax

from quinoa_acme.agents.common import choices
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import options
from quinoa_acme.utils import validation

if TYPE_CHECKING:
  import reverb

  from quinoa_acme.agents.common import actors
  from quinoa_acme.data import adders
  from quinoa_acme.utils import core

Policy = Callable[[types.Params, types.PRNGKey, types.Observation], jax.Array]
# From a policy's parameters, a batch of observations and one action for each to
# the log-densities, float32 [B]. An agent whose policy has a density gives it
# by `make_log_prob(networks)`, and can then be exported.
LogProb = Callable[[types.Params, types.Observation, jax.Array], jax.Array]


# Options with which every part of a run gets used within seconds.
SMALL_REPLAY: Mapping[str, Any] = {
  'batch_size': 32,
  'num_sgd_steps_per_step': 5,
  'samples_per_insert': 32.0,
  'min_replay_size': 100,
  'max_replay_size': 10_000,
  'samples_per_insert_tolerance': 0.2,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class OffPolicyConfig:
  """Options of replay and of the update ratio, and gamma.

  Attributes:
    discount: gamma, on top of the environment's own discount.
    batch_size: transitions per learner (SGD) step.
    num_sgd_steps_per_step: SGD steps per call of the learner, all on the device
      without returning to Python.
    samples_per_insert: transitions sampled per transition inserted; divided by
      `batch_size` it is the number of SGD steps per actor step.
    min_replay_size: transitions in replay before learning starts.
    max_replay_size: transitions to keep; the oldest are dropped first.
    transitions_per_item: transitions that Reverb handles as one item, which
      makes adding cheaper for an actor. They enter and leave replay together. A
      sampled item yields one transition, so sampling stays uniform but moves
      that many times the bytes. No effect in one process.
    samples_per_insert_tolerance: how far the ratio of samples to inserts may
      drift, as a share of `min_replay_size * samples_per_insert`, while actors
      and learner run at the same time.
    prefetch_size: number of learner calls whose data are sampled ahead.
    variable_update_period: actor steps between requests for new parameters. An
      actor of several environments counts steps in each.
    replay_table_name: the name of the Reverb table.
  """

  discount: float = 0.99
  batch_size: int = 256
  num_sgd_steps_per_step: int = 10
  samples_per_insert: float = 256.0
  min_replay_size: int = 1000
  max_replay_size: int = 1_000_000
  transitions_per_item: int = 1
  samples_per_insert_tolerance: float = 0.1
  prefetch_size: int = 1
  variable_update_period: int = 10
  replay_table_name: str = 'priority_table'

  @property
  def sgd_steps_per_insert(self) -> float:
    """SGD steps per inserted transition, the update-to-data ratio."""
    return self.samples_per_insert / self.batch_size

  @property
  def transition_steps(self) -> int:
    """Number of environment steps whose rewards a transition sums up."""
    return 1

  @property
  def window(self) -> int:
    """Number of environment steps that a transition holds one by one."""
    return 1

  @property
  def samples_per_step(self) -> int:
    """Transitions that one call of the learner takes from replay."""
    return self.batch_size * self.num_sgd_steps_per_step

  @property
  def error_buffer(self) -> float:
    """How many samples the limiter lets the ratio drift in each direction."""
    return (
      self.samples_per_insert_tolerance
      * self.min_replay_size
      * self.samples_per_insert
    )

  def __post_init__(self):
    options.check_types(self)
    # The tolerance is 1e9 where there is to be no limit.
    validation.check_positive(
      self, 'samples_per_insert', 'samples_per_insert_tolerance', greatest=1e30
    )
    validation.check_whole(
      self,
      'batch_size',
      'num_sgd_steps_per_step',
      'min_replay_size',
      'max_replay_size',
      'transitions_per_item',
      'prefetch_size',
      'variable_update_period',
    )
    if not 0 <= self.discount < 1:
      raise ValueError(f'discount must be in [0, 1), but is {self.discount!r}.')
    if not self.replay_table_name:
      raise ValueError('replay_table_name must not be empty.')
    self._check_replay()

  def _check_items(self) -> None:
    """Raises a ValueError if Acme's table cannot be made as asked."""
    if self.transitions_per_item != 1:
      raise ValueError(
        f'transitions_per_item must be 1 for {type(self).__name__}, but is '
        f"{self.transitions_per_item}: Acme's table holds transitions one by "
        'one.'
      )

  def _check_replay(self) -> None:
    if self.min_replay_size > self.max_replay_size:
      raise ValueError(
        f'min_replay_size ({self.min_replay_size}) is above max_replay_size '
        f'({self.max_replay_size}): replay would never hold enough to sample, '
        'and learning would never start.'
      )
    # The limiter stops actors when they are `error_buffer` samples ahead, and
    # the learner when it is as far ahead of them. If the range between does
    # not hold one learner call and the prefetched ones, each waits for the
    # other at every call; in one thread that is a deadlock.
    needed = (1 + self.prefetch_size) * self.samples_per_step
    if 2 * self.error_buffer < needed:
      raise ValueError(
        'the replay limiter would starve or deadlock: it lets the ratio drift '
        'by 2 * samples_per_insert_tolerance * min_replay_size * '
        f'samples_per_insert = {2 * self.error_buffer:g} samples, but one '
        'learner call and those prefetched take (1 + prefetch_size) * '
        f'batch_size * num_sgd_steps_per_step = {needed} samples. Raise '
        'min_replay_size, samples_per_insert_tolerance or samples_per_insert, '
        'or lower num_sgd_steps_per_step or prefetch_size.'
      )
    # Reverb refuses a range that a single insert would leave.
    least = max(1.0, self.samples_per_insert * self.transitions_per_item)
    if self.error_buffer < least:
      raise ValueError(
        'the replay limiter needs samples_per_insert_tolerance * '
        f'min_replay_size * samples_per_insert = {self.error_buffer:g} to be '
        'at least max(1, samples_per_insert * transitions_per_item) = '
        f'{least:g}. Raise samples_per_insert_tolerance or min_replay_size, or '
        'lower transitions_per_item.'
      )


class Builder(Protocol):
  """Makes an agent's parts; has the methods of Acme's builders."""

  def make_replay_tables(self, environment_spec: Any) -> 'list[reverb.Table]':
    """Makes Reverb's tables."""
    ...

  def make_dataset_iterator(self, replay_client: 'reverb.Client') -> Any:
    """Makes the learner's samples from the tables."""
    ...

  def make_adder(self, replay_client: 'reverb.Client') -> Any:
    """Makes the adder to the tables."""
    ...

  def make_learner(
    self,
    random_key: types.PRNGKey,
    networks: Any,
    dataset: Any,
    replay_client: 'reverb.Client | None' = None,
    counter: Any = None,
  ) -> Any:
    """Makes the learner; the data are samples of transitions."""
    ...

  def make_actor(
    self,
    random_key: types.PRNGKey,
    policy_network: Any,
    adder: Any = None,
    variable_source: Any = None,
  ) -> Any:
    """Makes an actor; without an adder it records nothing."""
    ...


class ActorsOfSeveral(Protocol):
  """What a builder adds for an actor of several environments."""

  def make_batched_adder(
    self, replay_client: 'reverb.Client', num_environments: int
  ) -> 'adders.BatchedAdder':
    """Makes the adder for an actor of this many environments."""
    ...

  def make_batched_actor(
    self,
    random_key: types.PRNGKey,
    policy: Policy,
    adder: 'adders.BatchedAdder',
    variable_source: 'core.VariableSource',
  ) -> 'actors.BatchedActor':
    """Makes an actor of several environments.

    Args:
      random_key: the actor's random key.
      policy: the policy.
      adder: receives the observations of the environments.
      variable_source: the learner, or a proxy of it.

    Returns:
      The actor.
    """
    ...


class SavedPolicy(NamedTuple):
  """Where the policy is in the saved state of a learner.

  Attributes:
    like: the part of the state that holds the policy and the number of SGD
      steps, `steps`: a pytree with the state's paths, whose leaves have shapes
      and dtypes.
    as_params: turns that part into the parameters that a `Policy` takes.
    variables: the learner's name for these parameters. Evaluation asks for
      them; actors ask for 'policy'.
  """

  like: Any
  as_params: Callable[[Any], types.Params]
  variables: str = 'policy'


class OffPolicyAgent(Protocol):
  """An algorithm, in the form that a run uses."""

  @property
  def config(self) -> OffPolicyConfig:
    """The algorithm's options."""
    ...

  @property
  def evaluation(self) -> str:
    """The action to take in evaluation, for tables of results."""
    ...

  def make_networks(self, spec: types.EnvironmentSpec) -> Any:
    """Makes the networks for an environment."""
    ...

  def make_builder(
    self,
    spec: types.EnvironmentSpec,
    logger_fn: 'Callable[[], core.Logger] | None' = None,
  ) -> Builder:
    """Makes the builder of replay, actor and learner; optionally with a log.

    The learner's saved state has the number of SGD steps as `steps`. The actors
    are `core.Saveable`, and the builder is an `ActorsOfSeveral`.
    """
    ...

  def make_policy(
    self, networks: Any, choice: choices.ActionChoice = choices.Sample()
  ) -> Policy:
    """Makes a policy; actors use the default, a sample.

    Raises:
      ValueError: if the agent's policy does not support the choice.
    """
    ...

  def make_evaluation_policy(self, networks: Any) -> Policy:
    """Makes the policy for evaluation."""
    ...

  def saved_policy(self, networks: Any) -> SavedPolicy:
    """Describes where the policy lies in the learner's saved state."""
    ...
