"""The Quinoa learner: wires the pure update step to data, counts and logs."""

from collections.abc import Iterator, Sequence
import threading
import time
from typing import Any, cast

import acme
from acme import types
from acme.jax import networks as networks_lib
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import jax
import jax.numpy as jnp
import numpy as np
import reverb

from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import update as update_lib


class NonFiniteError(FloatingPointError):
  """A loss or gradient was not finite; says at which step, and what first."""


def _describe_non_finite(finite: Any, first_step: int) -> str | None:
  """Names the first step and the first quantity that was not finite."""
  paths = jax.tree_util.tree_flatten_with_path(finite)[0]
  flags = np.stack([np.asarray(flag) for _, flag in paths], axis=1)
  if flags.all():
    return None
  row = int(np.argmin(flags.all(axis=1)))
  path, _ = paths[int(np.argmin(flags[row]))]
  culprit = path[0].key.split(' ', 1)[1]
  part = jax.tree_util.keystr(path[1:])
  return (
    f'Learner step {first_step + row}: the {culprit}'
    f'{f" at {part}" if part else ""} is not finite. Training stops here; no '
    'checkpoint is written from this state. Look at the environment if it is '
    'an observation, reward or discount; else lower learning_rate, or bound '
    'the flow or the temperature more tightly.'
  )


class QuinoaLearner(acme.Learner):
  """Wires the pure update step to data, counts and logs."""

  def __init__(
    self,
    networks: quinoa_networks.QuinoaNetworks,
    config: config_lib.QuinoaConfig,
    random_key: networks_lib.PRNGKey,
    dataset: Iterator[reverb.ReplaySample],
    counter: counting.Counter | None = None,
    logger: loggers_base.Logger | None = None,
  ):
    """Makes the learner.

    Args:
      networks: the networks.
      config: the agent's options.
      random_key: the learner's random key.
      dataset: samples whose data are transitions with leaves
        [num_sgd_steps_per_step * batch_size, ...].
      counter: counts steps (SGD steps) and walltime.
      logger: takes the metrics of each call.
    """
    self._config = config
    self._dataset = dataset
    self._counter = counter or counting.Counter()
    self._logger = logger or loggers_base.NoOpLogger()
    # Actors ask for variables, and checkpoints are made, from other threads.
    self._lock = threading.Lock()
    self._failure: NonFiniteError | None = None
    self._timestamp: float | None = None

    def initial_state(observation, action):
      return update_lib.make_initial_state(
        networks, config, random_key, observation, action
      )

    self._initial_state = jax.jit(initial_state)
    self._update = jax.jit(
      update_lib.make_scanned_update(
        update_lib.make_update_step(networks, config),
        config.num_sgd_steps_per_step,
      ),
      donate_argnums=0,
    )
    # As large as the first real batch, so that one compilation serves both.
    self._set_state(
      self._initial_state(
        *jax.tree_util.tree_map(
          lambda x: np.repeat(x, config.batch_size, axis=0),
          (networks.example_observation, networks.example_action),
        )
      )
    )

  def step(self) -> None:
    """Makes `num_sgd_steps_per_step` SGD steps.

    Raises:
      NonFiniteError: if a loss, gradient or anything before them was not
        finite.
      StopIteration: if the data are at an end.
    """
    batch = cast(types.Transition, next(self._dataset).data)
    with self._lock:
      if self._failure is not None:
        raise self._failure
      if self._steps == 0:
        self._state = self._initialise_from(batch)
      state, metrics, finite = self._update(self._state, batch)
      metrics, finite = jax.device_get((metrics, finite))
      message = _describe_non_finite(finite, self._steps + 1)
      if message is not None:
        self._failure = NonFiniteError(message)
        raise self._failure
      self._set_state(state)
    self._write(metrics)

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Returns NumPy copies of the named collections.

    Args:
      names: any of 'policy', a `PolicyVariables`, and 'value'.

    Returns:
      Their parameters, in that order.

    Raises:
      KeyError: if a name is neither.
    """
    published = self._published
    unknown = [name for name in names if name not in published]
    if unknown:
      raise KeyError(
        f'Unknown variables {unknown}; the learner has {sorted(published)}.'
      )
    return [published[name] for name in names]

  def save(self) -> update_lib.TrainingState:
    """Returns the whole state as NumPy arrays.

    Raises:
      NonFiniteError: if training was stopped by one; its state is not saved.
    """
    with self._lock:
      if self._failure is not None:
        raise self._failure
      # A copy, not a view: the next step donates the buffers.
      return jax.tree_util.tree_map(np.array, self._state)

  def restore(self, state: update_lib.TrainingState) -> None:
    """Goes on from a saved state, at the step where it was."""
    with self._lock:
      self._set_state(jax.tree_util.tree_map(jnp.array, state))
      self._failure = None

  def _initialise_from(
    self, batch: types.Transition
  ) -> update_lib.TrainingState:
    """The initial state with the statistics of the first batch (section 4).

    It is made before the first step only, so never again after a restore of a
    learner that has made one.
    """
    first = jax.tree_util.tree_map(
      lambda x: x[: self._config.batch_size], batch
    )
    return self._initial_state(first.observation, first.action)

  def _set_state(self, state: update_lib.TrainingState) -> None:
    self._state = state
    self._steps = int(state.steps)
    # Critics are of no use to an actor.
    self._published = jax.tree_util.tree_map(
      np.array,
      {'policy': update_lib.policy_of(state), 'value': state.params.value},
    )

  def _write(self, metrics: update_lib.Metrics) -> None:
    now = time.monotonic()
    elapsed = now - self._timestamp if self._timestamp is not None else 0.0
    self._timestamp = now
    num_steps = self._config.num_sgd_steps_per_step
    counts = self._counter.increment(steps=num_steps, walltime=elapsed)
    rates = {'steps_per_second': num_steps / elapsed} if elapsed else {}
    self._logger.write({**metrics, **rates, **counts})
