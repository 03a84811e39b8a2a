"""The learner of off-policy agents: connects a pure update to data and logs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import threading
import time
from typing import Any, cast, Generic, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import updates
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import counting
from quinoa_acme.utils import resources


class NonFiniteError(FloatingPointError):
  """A loss or gradient was not finite; names the step and the first culprit.

  Examples:
    >>> isinstance(NonFiniteError('loss'), ArithmeticError)
    True
  """


class State(Protocol):
  """A pytree of arrays that knows its number of SGD steps."""

  @property
  def steps(self) -> jax.Array:
    """Number of SGD steps made, int32 scalar."""
    ...


StateT = TypeVar('StateT', bound=State)


@dataclasses.dataclass(frozen=True)
class Algorithm(Generic[StateT]):
  """The parts of a learner that depend on the algorithm.

  Attributes:
    update_step: one SGD step, a pure function; see `updates`.
    published: the parameters that actors may request, by name.
    initialise_from: makes a new initial state from the first batch, for
      networks that take statistics from it; None if there are none.
    remedies: advice for the message when something is not finite.
  """

  update_step: updates.UpdateStep[StateT]
  published: Callable[[StateT], Mapping[str, Any]]
  initialise_from: Callable[[types.Transition], StateT] | None
  remedies: str


class _Outcome(NamedTuple):
  """The results of a call, besides the state."""

  # For actors. Its buffers are not the state's, which the next call consumes.
  published: dict[str, Any]
  # Scalars, averaged over the SGD steps.
  metrics: updates.Metrics
  finite: updates.Finiteness
  # Whether everything was finite, scalar: one value to fetch for many.
  is_finite: jax.Array


def make_scanned_update(
  update_step: updates.UpdateStep[StateT], num_steps: int
) -> updates.UpdateStep[StateT]:
  """Runs `update_step` over `num_steps` minibatches of one large batch.

  Args:
    update_step: one step on a batch with leaves [B, ...].
    num_steps: the number of minibatches N.

  Returns:
    A function from a state and a batch with leaves [N * B, ...] to the last
    state, the metrics' means, and the finiteness flags with a leading [N].
  """

  def scanned_update(state: StateT, batch: types.Transition):
    minibatches = jax.tree_util.tree_map(
      lambda x: jnp.reshape(x, (num_steps, -1, *x.shape[1:])), batch
    )
    names: list[str] = []

    def body(carry, minibatch):
      new_state, metrics, finite = update_step(carry, minibatch)
      names[:] = metrics
      return new_state, (jnp.stack([*metrics.values()]), finite)

    state, (metrics, finite) = jax.lax.scan(body, state, minibatches)
    means = dict(zip(names, jnp.mean(metrics, axis=0), strict=True))
    return state, means, finite

  return scanned_update


class OffPolicyLearner(core.Learner, Generic[StateT]):
  """Runs an algorithm on batches, serves its parameters, saves its state.

  One call of `step` makes `num_sgd_steps_per_step` SGD steps in one compiled
  program, which takes over the state's buffers (donation).
  """

  def __init__(
    self,
    algorithm: Algorithm[StateT],
    state: StateT,
    config: off_policy.OffPolicyConfig,
    dataset: Iterator[replay_lib.Sample],
    counter: counting.AnyCounter | None = None,
    logger: core.Logger | None = None,
  ):
    """Makes the learner.

    Args:
      algorithm: the algorithm.
      state: the state before the first step.
      config: the agent's options.
      dataset: samples whose data are transitions with leaves
        [num_sgd_steps_per_step * batch_size, ...].
      counter: counts steps (SGD steps) and walltime.
      logger: receives the metrics of each call.
    """
    self._algorithm = algorithm
    self._config = config
    self._dataset = dataset
    self._counter = counter or counting.Counter()
    self._logger = logger or core.NoOpLogger()
    # Other threads request variables and make checkpoints.
    self._lock = threading.Lock()
    self._failure: NonFiniteError | None = None
    self._timestamp: float | None = None
    scanned_update = make_scanned_update(
      algorithm.update_step, config.num_sgd_steps_per_step
    )

    def update(state: StateT, batch: types.Transition):
      state, metrics, finite = scanned_update(state, batch)
      published = dict(algorithm.published(state))
      return state, _Outcome(published, metrics, finite, finite.all())

    self._update = jax.jit(
      update, donate_argnums=0, compiler_options=resources.compiler_options()
    )
    self._set_state(state)

  def step(self) -> None:
    """Makes `num_sgd_steps_per_step` SGD steps.

    Raises:
      NonFiniteError: if a loss, a gradient or an earlier quantity was not
        finite.
      StopIteration: if there are no more data.
    """
    batch = cast(types.Transition, next(self._dataset).data)
    with self._lock:
      if self._failure is not None:
        raise self._failure
      self._initialise_from(batch)
      self._state, outcome = self._update(self._state, batch)
      if not outcome.is_finite:
        self._failure = self._explain(outcome.finite)
        raise self._failure
      self._published = outcome.published
      self._steps += self._config.num_sgd_steps_per_step
    self._write(outcome.metrics)

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Returns the named collections, as they are after the last step.

    Args:
      names: names that the algorithm publishes.

    Returns:
      Their parameters, in that order: trees of `jax.Array` that no later step
      changes.

    Raises:
      KeyError: if the algorithm does not publish a name.
    """
    published = self._published
    unknown = [name for name in names if name not in published]
    if unknown:
      raise KeyError(
        f'Unknown variables {unknown}; the learner has {sorted(published)}.'
      )
    return [published[name] for name in names]

  def save(self) -> StateT:
    """Returns the whole state as NumPy arrays.

    Raises:
      NonFiniteError: if one has stopped training; its state is not saved.
    """
    with self._lock:
      if self._failure is not None:
        raise self._failure
      # A copy, not a view: the next step donates the buffers.
      return jax.tree_util.tree_map(np.array, self._state)

  def restore(self, state: StateT) -> None:
    """Resumes from a saved state, at its step."""
    with self._lock:
      self._set_state(jax.tree_util.tree_map(jnp.array, state))
      self._failure = None

  def _initialise_from(self, batch: types.Transition) -> None:
    """Takes statistics from the first batch, if the algorithm wants them.

    It does so only before the first step, so never after a restore of a learner
    that has made one.
    """
    if self._steps or self._algorithm.initialise_from is None:
      return
    first = jax.tree_util.tree_map(
      lambda x: x[: self._config.batch_size], batch
    )
    self._state = self._algorithm.initialise_from(first)

  def _explain(self, finite: updates.Finiteness) -> NonFiniteError:
    """Names the first step and the first quantity that was not finite."""
    step, quantity, part = finite.first()
    return NonFiniteError(
      f'Learner step {self._steps + 1 + step}: the {quantity}'
      f'{f" at {part}" if part else ""} is not finite. Training stops here; no '
      'checkpoint is written from this state. Look at the environment if it is '
      f'an observation, reward or discount; else {self._algorithm.remedies}.'
    )

  def _set_state(self, state: StateT) -> None:
    self._state = state
    self._steps = int(state.steps)
    # Copies: the next step donates the state's buffers.
    self._published = jax.tree_util.tree_map(
      jnp.copy, dict(self._algorithm.published(state))
    )

  def _write(self, metrics: updates.Metrics) -> None:
    now = time.monotonic()
    elapsed = now - self._timestamp if self._timestamp is not None else 0.0
    self._timestamp = now
    num_steps = self._config.num_sgd_steps_per_step
    counts = self._counter.increment(steps=num_steps, walltime=elapsed)
    rates = {'steps_per_second': num_steps / elapsed} if elapsed else {}
    self._logger.write({**metrics, **rates, **counts})
