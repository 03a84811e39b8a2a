"""Acme's own SAC, as a run uses it: the baseline beside Quinoa.

Haarnoja et al., 'Soft Actor-Critic Algorithms and Applications', 2018 (arXiv
1812.05905). Networks, losses and learner are dm-acme's, untouched.
"""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
from typing import Any, NamedTuple

from acme import core
from acme import specs
from acme.agents.jax import sac
from acme.jax import networks as networks_lib
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import jax
import jax.numpy as jnp
import numpy as np
import reverb

from quinoa_acme import validation
from quinoa_acme.agents import off_policy


@dataclasses.dataclass(frozen=True, kw_only=True)
class SACConfig(off_policy.OffPolicyConfig):
  """Options of Acme's SAC that a comparison with Quinoa needs.

  Attributes:
    hidden_sizes: width of each hidden layer of policy and critics.
    learning_rate: Adam's, of policy and critics; the temperature's is Acme's.
    tau: how far the target critics move at every SGD step.
    target_entropy_per_dimension: nats for each action dimension.
  """

  hidden_sizes: tuple[int, ...] = (256, 256)
  learning_rate: float = 3e-4
  tau: float = 0.005
  target_entropy_per_dimension: float = -1.0

  @classmethod
  def debug(cls) -> 'SACConfig':
    """So small that every part runs within seconds."""
    return cls(hidden_sizes=(32,), **off_policy.SMALL_REPLAY)

  def __post_init__(self):
    super().__post_init__()
    validation.check_sizes(self, 'hidden_sizes')
    validation.check_positive(self, 'learning_rate', 'tau')


@dataclasses.dataclass(frozen=True)
class SACAgent:
  """Acme's SAC; an `off_policy.OffPolicyAgent`.

  Attributes:
    config: the options.
  """

  config: SACConfig

  @property
  def evaluation(self) -> str:
    """Which action is taken in evaluation."""
    return 'mode'

  def make_networks(self, spec: specs.EnvironmentSpec) -> sac.SACNetworks:
    """Makes Acme's networks.

    Raises:
      ValueError: if the action box is not [-1, 1], which Acme's SAC assumes.
    """
    actions = spec.actions
    if not (
      isinstance(actions, specs.BoundedArray)
      and np.all(actions.minimum == -1)
      and np.all(actions.maximum == 1)
    ):
      raise ValueError(
        f"Acme's SAC acts in [-1, 1], but the environment takes {actions!r}. "
        'Wrap it in acme.wrappers.CanonicalSpecWrapper.'
      )
    return sac.make_networks(spec, self.config.hidden_sizes)

  def make_builder(
    self,
    spec: specs.EnvironmentSpec,
    logger_fn: Callable[[], loggers_base.Logger],
  ) -> 'SACBuilder':
    """Makes the builder of replay, actor and learner."""
    config = self.config
    acme_config = sac.SACConfig(
      batch_size=config.batch_size,
      learning_rate=config.learning_rate,
      discount=config.discount,
      target_entropy=sac.target_entropy_from_env_spec(
        spec, config.target_entropy_per_dimension
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
    return SACBuilder(acme_config, logger_fn)

  def make_policy(self, networks: sac.SACNetworks) -> off_policy.Policy:
    """Makes the policy that the actors act by, a sample."""
    return sac.apply_policy_and_sample(networks)

  def make_evaluation_policy(
    self, networks: sac.SACNetworks
  ) -> off_policy.Policy:
    """Makes the policy that is evaluated, the mode."""
    return sac.apply_policy_and_sample(networks, eval_mode=True)


class SACBuilder(sac.SACBuilder):
  """Acme's builder, with a learner that counts SGD steps and not calls."""

  def make_learner(
    self,
    random_key: networks_lib.PRNGKey,
    networks: sac.SACNetworks,
    dataset: Iterator[reverb.ReplaySample],
    replay_client: reverb.Client | None = None,
    counter: counting.Counter | None = None,
  ) -> core.Learner:
    """Makes Acme's learner."""
    steps_per_call = self._config.num_sgd_steps_per_step
    learner = super().make_learner(
      random_key,
      networks,
      dataset,
      replay_client,
      _CallCounter(counter or counting.Counter(), steps_per_call),
    )
    return _CountedLearner(learner, steps_per_call)


class CountedState(NamedTuple):
  """What a learner saves.

  Attributes:
    learner: the state of Acme's learner.
    steps: SGD steps made, int64 scalar.
  """

  learner: Any
  steps: np.ndarray


class _CountedLearner(core.Learner):
  """Keeps with the state how many SGD steps have been made."""

  def __init__(self, learner: core.Learner, steps_per_call: int):
    self._learner = learner
    self._steps_per_call = steps_per_call
    self._steps = 0

  def step(self) -> None:
    self._learner.step()
    self._steps += self._steps_per_call

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    return self._learner.get_variables(list(names))

  def save(self) -> CountedState:
    return CountedState(self._learner.save(), np.asarray(self._steps))

  def restore(self, state: CountedState) -> None:
    self._learner.restore(jax.tree_util.tree_map(jnp.asarray, state.learner))
    self._steps = int(state.steps)


class _CallCounter(counting.Counter):
  """Counts each call of a learner as the SGD steps that it makes."""

  def __init__(self, counter: counting.Counter, steps_per_call: int):
    super().__init__()
    self._counter = counter
    self._steps_per_call = steps_per_call

  def increment(self, **counts: counting.Number) -> dict:
    steps = counts.pop('steps') * self._steps_per_call
    return self._counter.increment(steps=steps, **counts)

  def get_counts(self) -> dict:
    return self._counter.get_counts()
