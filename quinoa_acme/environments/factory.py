"""Environments by name, in the form that the agent takes.

A name is `control:<domain>:<task>`, a task of the DeepMind Control Suite, or
`gymnasium:<id>` (`gym:<id>` for short), an environment registered with
Gymnasium, which the extra `gymnasium` installs. With `gymnasium:<module>:<id>`
the module is imported first, so that it can register its own. Observations are
flattened to one vector, and everything is in single precision. Actions keep the
environment's bounds, which need not be -1 and 1.

Either library takes a second to import, so it is imported on first use. The
suite needs no display: without one MuJoCo simulates as usual, and only
rendering asks for `MUJOCO_GL=egl` or `MUJOCO_GL=osmesa` in the environment.
"""

from collections.abc import Callable, Mapping
import dataclasses
import difflib
import functools
import importlib
import operator
import types
from typing import Any
import warnings

import dm_env
import numpy as np

from quinoa_acme.environments import wrappers as wrappers_lib

_FORMAT = 'control:<domain>:<task>'
_GYMNASIUM_SCHEMES = ('gymnasium', 'gym')
_SEED_LIMIT = 2**32


@dataclasses.dataclass(frozen=True)
class EnvironmentFactory:
  """Makes environments of one task; a picklable `Callable[[int], Environment]`.

  Attributes:
    name: The task, as `control:<domain>:<task>` or `gymnasium:<id>`. An unknown
      name raises a `ValueError` here, not only in the process that acts.
    renders: Whether a Gymnasium environment can be rendered; those of the suite
      always can.
  """

  name: str
  renders: bool = False

  def __post_init__(self):
    identifier = _gymnasium_id(self.name)
    if identifier is None:
      _parse(self.name)
    else:
      _check_registered(identifier)

  def __call__(self, seed: int) -> dm_env.Environment:
    """Makes the environment; see `make_environment`."""
    return make_environment(self.name, seed, renders=self.renders)


def make_environment(
  name: str, seed: int, *, renders: bool = False
) -> dm_env.Environment:
  """Makes the environment of a task.

  Args:
    name: The task, as `control:<domain>:<task>` (all are in `list_tasks`), or
      as `gymnasium:<id>`.
    seed: An integer in [0, 2**32). It fixes the initial states of all
      episodes: with the same actions, two environments of one seed agree.
    renders: Whether a Gymnasium environment can be rendered.

  Returns:
    An environment with float32 observations of shape [observation_size],
    actions of shape [action_size] within the bounds of its action spec, and
    scalar float32 rewards and discounts.

  Raises:
    ValueError: There is no such task, Gymnasium is needed but not installed,
      or the seed is out of range.
    TypeError: The seed is not an integer.
  """
  seed = operator.index(seed)
  if not 0 <= seed < _SEED_LIMIT:
    raise ValueError(
      f'The seed of an environment must be in [0, 2**32); got {seed}.'
    )
  identifier = _gymnasium_id(name)
  if identifier is None:
    environment = _FlatObservations(_load(*_parse(name), seed))
  else:
    environment = _make_gymnasium(identifier, seed, renders)
  return wrappers_lib.SinglePrecisionWrapper(environment)


def list_tasks() -> tuple[str, ...]:
  """Returns the names of the suite's tasks, in alphabetical order.

  Examples:
    >>> list_tasks()[:2]
    ('control:acrobot:swingup', 'control:acrobot:swingup_sparse')
  """
  return tuple(
    sorted(f'control:{domain}:{task}' for domain, task in _suite().ALL_TASKS)
  )


def _parse(name: str) -> tuple[str, str]:
  """Splits the name of an existing task into its domain and task."""
  names = list_tasks()
  if name not in names:
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
    raise ValueError(
      f'Unknown environment {name!r}: expected {_FORMAT}, one of the'
      f' {len(names)} that list_tasks() gives, or gymnasium:<id>. Did you mean'
      f' {nearest!r}?'
    )
  _, domain, task = name.split(':')
  return domain, task


class _FlatObservations(wrappers_lib.ConcatObservationWrapper):
  """Concatenates parts of any rank; Acme's own takes ranks 0 and 1."""

  def _convert_observation(self, observation: Mapping[str, Any]) -> np.ndarray:
    return super()._convert_observation(
      {name: np.ravel(part) for name, part in observation.items()}
    )


def _load(domain: str, task: str, seed: int) -> dm_env.Environment:
  """Loads a task of the suite; OpenGL is needed only to render."""
  environment = _suite().load(domain, task, task_kwargs={'random': seed})
  if (domain, task) == ('quadruped', 'escape'):
    environment.task.initialize_episode = functools.partial(
      _start_without_drawing, environment.task.initialize_episode
    )
  return environment


def _start_without_drawing(initialize: Callable[[Any], None], physics: Any):
  """Starts an episode of a task that asks for the renderer."""
  initialize(_PhysicsAsDrawn(physics))


class _PhysicsAsDrawn:
  """A physics with a rendering context only if something was rendered.

  `quadruped:escape` makes a terrain for each episode, and passes it to the
  renderer if there is one. The physics makes a renderer when asked for one, and
  so would need OpenGL even if nothing is ever rendered.
  """

  def __init__(self, physics: Any):
    self._physics = physics

  def __getattr__(self, name: str) -> Any:
    return getattr(self._physics, name)

  @property
  def contexts(self) -> Any:
    """The existing contexts; None before the first."""
    return self._physics._contexts


@functools.cache
def _suite() -> types.ModuleType:
  """Imports the Control Suite."""
  with warnings.catch_warnings():
    # dm_control tries its renderers at import. The first, GLFW, warns if there
    # is no display.
    warnings.filterwarnings('ignore', module='glfw')
    from dm_control import suite
  return suite


def _gymnasium_id(name: str) -> str | None:
  """The part of a name that Gymnasium knows, or None if it is not Gymnasium's.

  It may begin with a module, as `module:id`.
  """
  scheme, _, identifier = name.partition(':')
  return identifier if scheme in _GYMNASIUM_SCHEMES else None


def _check_registered(identifier: str) -> None:
  """Raises a ValueError if Gymnasium has no such environment."""
  gymnasium = _gymnasium()
  module, _, registered = identifier.rpartition(':')
  try:
    if module:
      importlib.import_module(module)
    gymnasium.spec(registered)
  except ImportError as error:
    reason = f'{module!r} cannot be imported, {error}'
  except gymnasium.error.Error:
    reason = 'nothing of this name and version is registered'
  else:
    return
  newest = {
    spec.id.rpartition('-v')[0].lower(): spec.id
    for spec in sorted(
      gymnasium.registry.values(), key=lambda spec: spec.version or 0
    )
  }
  stem = registered.rpartition('-v')[0] or registered
  [nearest] = difflib.get_close_matches(stem.lower(), newest, n=1, cutoff=0.0)
  raise ValueError(
    f"Unknown environment 'gymnasium:{identifier}': {reason}. Did you mean"
    f" 'gymnasium:{newest[nearest]}'?"
  )


def _make_gymnasium(
  identifier: str, seed: int, renders: bool
) -> dm_env.Environment:
  """Makes a Gymnasium environment with flattened observations."""
  _check_registered(identifier)
  gymnasium = _gymnasium()
  # Imported here, because it imports Gymnasium.
  from quinoa_acme.environments import gymnasium_adapter

  try:
    # An environment that cannot render need not take the argument.
    options = {'render_mode': 'rgb_array'} if renders else {}
    environment = gymnasium.make(identifier, **options)
  except (gymnasium.error.Error, ImportError) as error:
    raise ValueError(
      f"'gymnasium:{identifier}' cannot be made: {error}"
    ) from error
  if not environment.observation_space.is_np_flattenable:
    raise ValueError(
      f"The observations of 'gymnasium:{identifier}' are of"
      f' {environment.observation_space}, which cannot be flattened to one'
      ' vector. Register it with a wrapper that makes a Box of them.'
    )
  return gymnasium_adapter.GymnasiumAdapter(
    gymnasium.wrappers.FlattenObservation(environment), seed
  )


def _gymnasium() -> types.ModuleType:
  """Imports Gymnasium."""
  try:
    import gymnasium
  except ModuleNotFoundError:
    raise ValueError(
      'Environments named gymnasium:<id> need Gymnasium, which is not'
      ' installed. Install the extra `gymnasium`: pip install'
      " 'quinoa-acme[gymnasium]', or in the source tree `uv sync --extra"
      ' gymnasium`.'
    ) from None
  return gymnasium
