"""Environments by name, in the form that the agent takes.

A name is `control:<domain>:<task>`, a task of the DeepMind Control Suite, or
`gymnasium:<id>` (`gym:<id>` for short), an environment registered with
Gymnasium, which the extra `gymnasium` installs. With `gymnasium:<module>:<id>`
the module is imported first, so that it can register its own. Arguments of
`gymnasium.make` follow in parentheses, as in Python:
`gymnasium:Hopper-v5(healthy_reward=0.5, max_episode_steps=500)`. Observations
are flattened to one vector, and everything is in single precision. Actions keep
the environment's bounds, which need not be -1 and 1.

Either library takes a second to import, so it is imported on first use. The
suite needs no display: without one MuJoCo simulates as usual, and only
rendering asks for `MUJOCO_GL=egl` or `MUJOCO_GL=osmesa` in the environment.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
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
# The Gymnasium environments that this process, or the one it is a fork of, has
# made with Gymnasium's checker. Each of a run's would repeat its warnings.
_checked: set[str] = set()


@dataclasses.dataclass(frozen=True)
class EnvironmentFactory:
  """Makes environments of one task; a picklable `Callable[[int], Environment]`.

  Attributes:
    name: The task, as `control:<domain>:<task>` or `gymnasium:<id>`, with
      arguments of `gymnasium.make` as `gymnasium:<id>(key=value)`. An unknown
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
      _check_registered(_split(identifier)[0])

  def __call__(self, seed: int) -> dm_env.Environment:
    """Makes the environment; see `make_environment`."""
    return make_environment(self.name, seed, renders=self.renders)

  @property
  def vectorization_mode(self) -> str | None:
    """How several environments step together, as the name says, if it does."""
    arguments = _split(_gymnasium_id(self.name) or '')[1]
    return arguments.get('vectorization_mode')

  def make_several(self, seeds: Sequence[int]) -> list[dm_env.Environment]:
    """Makes an environment for each seed, of `gymnasium.make_vec` if so named.

    Args:
      seeds: of each.

    Returns:
      The environments. With a `vectorization_mode` they step in lockstep, as
      `gymnasium_vector.split` says.

    Raises:
      ValueError: if they cannot be made.
    """
    identifier = _gymnasium_id(self.name)
    if identifier is None or self.vectorization_mode is None:
      return [self(seed) for seed in seeds]
    return [
      wrappers_lib.SinglePrecisionWrapper(environment)
      for environment in _make_vector(identifier, seeds)
    ]


def make_several(
  factory: Callable[[int], dm_env.Environment], seeds: Sequence[int]
) -> list[dm_env.Environment]:
  """Makes an environment for each seed, by any factory.

  Args:
    factory: makes one; if it has `make_several` too, that makes several.
    seeds: of each.

  Returns:
    The environments.
  """
  own = getattr(factory, 'make_several', None)
  if own is None or len(seeds) == 1:
    return [factory(seed) for seed in seeds]
  return own(seeds)


def make_environment(
  name: str, seed: int, *, renders: bool = False
) -> dm_env.Environment:
  """Makes the environment of a task.

  Args:
    name: The task, as `control:<domain>:<task>` (all are in `list_tasks`), or
      as `gymnasium:<id>` or `gymnasium:<id>(key=value)`.
    seed: An integer in [0, 2**32). It fixes the initial states of all
      episodes: with the same actions, two environments of one seed agree.
    renders: Whether a Gymnasium environment can be rendered.

  Returns:
    An environment with float32 observations of shape [observation_size],
    actions of shape [action_size] within the bounds of its action spec, and
    scalar float32 rewards and discounts.

  Raises:
    ValueError: There is no such task, Gymnasium or dm_control is needed but
      not installed, or the seed is out of range.
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
    try:
      from dm_control import suite
    except ModuleNotFoundError as error:
      if (error.name or '').partition('.')[0] != 'dm_control':
        raise
      raise ValueError(
        'Environments named control:<domain>:<task> need dm_control, which is'
        ' not installed: its labmaze has no wheel for Python 3.13 or newer. The'
        ' suite does without it: pip install --no-deps dm-control. Or take'
        ' Python 3.10 to 3.12, or a task of gymnasium:<id>.'
      ) from None
  return suite


def _gymnasium_id(name: str) -> str | None:
  """The part of a name that Gymnasium knows, or None if it is not Gymnasium's.

  It may begin with a module, as `module:id`.
  """
  scheme, _, identifier = name.partition(':')
  return identifier if scheme in _GYMNASIUM_SCHEMES else None


def _split(identifier: str) -> tuple[str, dict[str, Any]]:
  """Splits 'id(key=value)' into the id and the arguments, plain values.

  Raises:
    ValueError: if what follows the id is no list of such arguments, or one is
      not the user's to give.
  """
  registered, opened, text = identifier.partition('(')
  if not opened:
    return registered, {}
  name = f'gymnasium:{identifier}'
  try:
    call = ast.parse(f'f({text}', mode='eval').body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
      raise ValueError('it is no single pair of parentheses')
    if call.args:
      raise ValueError('each needs a name')
    # A value such as **x has no name.
    arguments = {
      str(x.arg): ast.literal_eval(x.value) for x in call.keywords if x.arg
    }
    if len(arguments) != len(call.keywords):
      raise ValueError('each needs a name')
  except (SyntaxError, TypeError, ValueError) as error:
    said = error.msg if isinstance(error, SyntaxError) else error
    raise ValueError(
      f'{name!r}: expected arguments of gymnasium.make as in Python, e.g. '
      f"'gymnasium:Hopper-v5(healthy_reward=0.5)', with plain values; {said}."
    ) from None
  if arguments.get('vectorization_mode', 'sync') not in ('sync', 'async'):
    raise ValueError(
      f"{name!r}: vectorization_mode must be 'sync' or 'async', which starts a "
      'process for each environment of an actor.'
    )
  if 'render_mode' in arguments:
    raise ValueError(
      f'{name!r}: render_mode is chosen when a video is made. Leave it out.'
    )
  return registered, arguments


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
  name = f'gymnasium:{identifier}'
  identifier, arguments = _split(identifier)
  arguments.pop('vectorization_mode', None)
  _check_registered(identifier)
  gymnasium = _gymnasium()
  # Imported here, because it imports Gymnasium.
  from quinoa_acme.environments import gymnasium_adapter

  with _naming(name, bool(arguments)):
    # An environment that cannot render need not take the argument.
    options: dict[str, Any] = {'render_mode': 'rgb_array'} if renders else {}
    if name in _checked:
      options['disable_env_checker'] = True
    environment = gymnasium.make(identifier, **(options | arguments))
  _checked.add(name)
  _check_flattenable(name, environment.observation_space)
  return gymnasium_adapter.GymnasiumAdapter(
    gymnasium.wrappers.FlattenObservation(environment), seed
  )


def _make_vector(
  identifier: str, seeds: Sequence[int]
) -> list[dm_env.Environment]:
  """Makes several Gymnasium environments that step together."""
  name = f'gymnasium:{identifier}'
  identifier, arguments = _split(identifier)
  gymnasium = _gymnasium()
  # Imported here, because it imports Gymnasium.
  from quinoa_acme.environments import gymnasium_vector

  arguments.setdefault('disable_env_checker', name in _checked)
  options: dict[str, Any] = {
    'autoreset_mode': gymnasium.vector.AutoresetMode.DISABLED
  }
  if arguments.get('vectorization_mode') == 'async':
    # JAX has threads, and a fork of a process with threads may hang.
    options['context'] = 'forkserver'
  with _naming(name, has_arguments=True):
    vector = gymnasium.make_vec(
      identifier,
      num_envs=len(seeds),
      vector_kwargs=options,
      wrappers=(gymnasium.wrappers.FlattenObservation,),
      **arguments,
    )
  _checked.add(name)
  return gymnasium_vector.split(vector, seeds)


@contextlib.contextmanager
def _naming(name: str, has_arguments: bool) -> Iterator[None]:
  """Names the environment in what is raised when it is made."""
  try:
    yield
  except (_gymnasium().error.Error, ImportError) as error:
    raise ValueError(f'{name!r} cannot be made: {error}') from error
  # What it raises when the arguments do not fit.
  except (AssertionError, TypeError, ValueError) as error:
    if not has_arguments:
      raise
    raise ValueError(
      f'{name!r} cannot be made: {type(error).__name__}: {error}'
    ) from error


def _check_flattenable(name: str, space: Any) -> None:
  if not space.is_np_flattenable:
    raise ValueError(
      f'The observations of {name!r} are of {space}, which cannot be flattened'
      ' to one vector. Register it with a wrapper that makes a Box of them.'
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
