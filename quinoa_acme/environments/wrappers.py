"""Wrappers of environments, as in `acme.wrappers`.

Acme imports all of its wrappers together, with gym and Launchpad.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging
import dm_env
import numpy as np
import tree

from quinoa_acme.utils import specs

_SINGLE: Mapping[type, type] = {np.float64: np.float32, np.int64: np.int32}


class EnvironmentWrapper(dm_env.Environment):
  """An environment around another one, whose attributes it has too."""

  def __init__(self, environment: dm_env.Environment):
    """Wraps `environment`."""
    self._environment = environment

  def __getattr__(self, name: str) -> Any:
    # Also `_environment` itself, before `__init__`, e.g. in a copy.
    if name.startswith('__') or name == '_environment':
      raise AttributeError(f'{type(self).__name__} has no attribute {name!r}')
    return getattr(self._environment, name)

  @property
  def environment(self) -> dm_env.Environment:
    """The wrapped environment."""
    return self._environment

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode."""
    return self._environment.reset()

  def step(self, action: Any) -> dm_env.TimeStep:
    """Takes a step."""
    return self._environment.step(action)

  def observation_spec(self) -> Any:
    """The specs of the observations."""
    return self._environment.observation_spec()

  def action_spec(self) -> Any:
    """The specs of the actions."""
    return self._environment.action_spec()

  def reward_spec(self) -> Any:
    """The specs of the rewards."""
    return self._environment.reward_spec()

  def discount_spec(self) -> Any:
    """The specs of the discounts."""
    return self._environment.discount_spec()

  def close(self) -> None:
    """Closes the wrapped environment."""
    self._environment.close()


class SinglePrecisionWrapper(EnvironmentWrapper):
  """Turns float64 into float32, and int64 into int32, in values and specs.

  Actions are handed on as they are.
  """

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode."""
    return _to_single_timestep(self._environment.reset())

  def step(self, action: Any) -> dm_env.TimeStep:
    """Takes a step."""
    return _to_single_timestep(self._environment.step(action))

  def observation_spec(self) -> Any:
    """The specs of the observations, in single precision."""
    return _to_single_spec(self._environment.observation_spec())

  def action_spec(self) -> Any:
    """The specs of the actions, in single precision."""
    return _to_single_spec(self._environment.action_spec())

  def reward_spec(self) -> Any:
    """The specs of the rewards, in single precision."""
    return _to_single_spec(self._environment.reward_spec())

  def discount_spec(self) -> Any:
    """The specs of the discounts, in single precision."""
    return _to_single_spec(self._environment.discount_spec())


def _single(dtype: np.dtype) -> Any:
  return _SINGLE.get(dtype.type, dtype)


def _to_single_timestep(timestep: dm_env.TimeStep) -> dm_env.TimeStep:
  return timestep._replace(
    reward=_to_single(timestep.reward),
    discount=_to_single(timestep.discount),
    observation=_to_single(timestep.observation),
  )


def _to_single(nest: Any) -> Any:
  """Converts the arrays of a nest; None, of a first time step, stays."""

  def convert(value: Any) -> Any:
    if value is None:
      return None
    array = np.asarray(value)
    return array.astype(_single(array.dtype), copy=False)

  return tree.map_structure(convert, nest)


def _to_single_spec(nest: Any) -> Any:
  def convert(spec: specs.Array) -> specs.Array:
    if spec.dtype.kind == 'O':  # Of strings.
      return spec
    return spec.replace(dtype=_single(spec.dtype))

  return tree.map_structure(convert, nest)


class ConcatObservationWrapper(EnvironmentWrapper):
  """Joins the parts of a dictionary of observations to one vector."""

  def __init__(
    self,
    environment: dm_env.Environment,
    name_filter: Sequence[str] | None = None,
  ):
    """Wraps an environment.

    Args:
      environment: its observations are a dictionary of arrays of rank 0 or 1.
      name_filter: the parts to keep; by default all.
    """
    super().__init__(environment)
    spec: Any = environment.observation_spec()
    names = list(spec) if name_filter is None else name_filter
    self._names = [name for name in names if name in spec]
    example = self._convert_observation(
      {name: np.zeros(part.shape, part.dtype) for name, part in spec.items()}
    )
    self._observation_spec = specs.BoundedArray(
      shape=example.shape,
      dtype=example.dtype,
      minimum=-np.inf,
      maximum=np.inf,
      name='state',
    )

  def _convert_observation(self, observation: Mapping[str, Any]) -> np.ndarray:
    parts = {name: observation[name] for name in self._names}
    # In the order of their names.
    return np.concatenate([np.atleast_1d(part) for part in tree.flatten(parts)])

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode."""
    return self._convert(self._environment.reset())

  def step(self, action: Any) -> dm_env.TimeStep:
    """Takes a step."""
    return self._convert(self._environment.step(action))

  def observation_spec(self) -> specs.BoundedArray:
    """The spec of the vector."""
    return self._observation_spec

  def _convert(self, timestep: dm_env.TimeStep) -> dm_env.TimeStep:
    return timestep._replace(
      observation=self._convert_observation(timestep.observation)
    )


def close(environment: dm_env.Environment) -> None:
  """Closes an environment that is no longer needed.

  If closing fails, the environment has still done its work, so the run goes on.
  """
  try:
    environment.close()
  except Exception as error:
    logging.log_first_n(
      logging.WARNING,
      'An environment cannot be closed: %r. What it holds may stay in use; '
      'the run continues.',
      1,
      error,
    )
