"""The interfaces of actors, learners, adders and loggers.

They have the methods of Acme's (`acme.core`, `acme.adders`,
`acme.utils.loggers`), and count as Acme's wherever Acme is imported.
"""

import abc
from collections.abc import Mapping, Sequence
import itertools
from typing import Any, Generic, TypeVar

import dm_env

from quinoa_acme.utils.common_types import NestedArray
from quinoa_acme.utils.counts_as import counts_as

T = TypeVar('T')

LoggingData = Mapping[str, Any]


@counts_as('acme.core', 'Actor')
class Actor(abc.ABC):
  """Chooses actions, and hands on what it observes."""

  @abc.abstractmethod
  def select_action(self, observation: NestedArray) -> NestedArray:
    """Samples an action for one observation, without a batch dimension."""

  @abc.abstractmethod
  def observe_first(self, timestep: dm_env.TimeStep) -> None:
    """Records the first time step of an episode."""

  @abc.abstractmethod
  def observe(
    self, action: NestedArray, next_timestep: dm_env.TimeStep
  ) -> None:
    """Records an action and the resulting time step."""

  @abc.abstractmethod
  def update(self, wait: bool = False) -> None:
    """Fetches new parameters; blocks until they are there if `wait`."""


@counts_as('acme.core', 'VariableSource')
class VariableSource(abc.ABC):
  """Serves parameters by name."""

  @abc.abstractmethod
  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Returns the parameters of each name, in that order."""


@counts_as('acme.core', 'Worker')
class Worker(abc.ABC):
  """Something that runs."""

  @abc.abstractmethod
  def run(self) -> None:
    """Runs it."""


@counts_as('acme.core', 'Saveable')
class Saveable(abc.ABC, Generic[T]):
  """Something whose state can be saved."""

  @abc.abstractmethod
  def save(self) -> T:
    """Returns the state."""

  @abc.abstractmethod
  def restore(self, state: T) -> None:
    """Resumes from a state of `save`."""


@counts_as('acme.core', 'Learner')
class Learner(VariableSource, Worker, Saveable):
  """Learns from data, step by step, and serves what it has learned."""

  @abc.abstractmethod
  def step(self) -> None:
    """Makes one step."""

  def run(self, num_steps: int | None = None) -> None:
    """Makes this many steps; by default it never ends."""
    steps = range(num_steps) if num_steps is not None else itertools.count()
    for _ in steps:
      self.step()

  def save(self) -> Any:
    """Returns the state, if the learner defines one."""
    raise NotImplementedError('Method "save" is not implemented.')

  def restore(self, state: Any) -> None:
    """Resumes from a state, if the learner defines one."""
    raise NotImplementedError('Method "restore" is not implemented.')


@counts_as('acme.adders.base', 'Adder')
class Adder(abc.ABC):
  """Makes what replay holds of what an actor observes."""

  @abc.abstractmethod
  def add_first(self, timestep: dm_env.TimeStep) -> None:
    """Starts an episode."""

  @abc.abstractmethod
  def add(
    self,
    action: NestedArray,
    next_timestep: dm_env.TimeStep,
    extras: NestedArray = (),
  ) -> None:
    """Adds an action and the resulting time step."""

  @abc.abstractmethod
  def reset(self) -> None:
    """Forgets the episode in progress."""


@counts_as('acme.utils.loggers.base', 'Logger')
class Logger(abc.ABC):
  """Receives rows of values by name."""

  @abc.abstractmethod
  def write(self, data: LoggingData) -> None:
    """Writes a row."""

  @abc.abstractmethod
  def close(self) -> None:
    """Closes the logger; no row follows."""


class NoOpLogger(Logger):
  """Writes nothing."""

  def write(self, data: LoggingData) -> None:
    """Does nothing."""

  def close(self) -> None:
    """Does nothing."""
