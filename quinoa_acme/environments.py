"""Environments by name, in the form in which the agent takes them.

A name is `control:<domain>:<task>`, a task of the DeepMind Control Suite. Its
observations are concatenated to one vector and everything is in single
precision. Actions keep the bounds of the task's own action spec, which need
not be -1 and 1.

The suite takes a second to import, so it is imported on first use. It needs no
display: without one MuJoCo simulates as usual, and only rendering asks for
`MUJOCO_GL=egl` or `MUJOCO_GL=osmesa` in the environment.
"""

import dataclasses
import difflib
import functools
import operator
import types
import warnings

from acme import wrappers as wrappers_lib
import dm_env

_FORMAT = 'control:<domain>:<task>'
_SEED_LIMIT = 2**32


@dataclasses.dataclass(frozen=True)
class EnvironmentFactory:
  """Makes environments of one task; a picklable `Callable[[int], Environment]`.

  Attributes:
    name: The task, as `control:<domain>:<task>`. A name that does not exist
      raises a `ValueError` here and not first in the process that acts.
  """

  name: str

  def __post_init__(self):
    _parse(self.name)

  def __call__(self, seed: int) -> dm_env.Environment:
    """Returns `make_environment(self.name, seed)`."""
    return make_environment(self.name, seed)


def make_environment(name: str, seed: int) -> dm_env.Environment:
  """Makes the environment of a task.

  Args:
    name: The task, as `control:<domain>:<task>`; `list_tasks` gives all.
    seed: An integer in [0, 2**32). It fixes the initial states of all
      episodes: two environments of one seed, given the same actions, agree.

  Returns:
    An environment with float32 observations of shape [observation_size],
    actions of shape [action_size] within the bounds of its action spec, and
    scalar float32 rewards and discounts.

  Raises:
    ValueError: There is no such task, or the seed is out of range.
    TypeError: The seed is not an integer.
  """
  domain, task = _parse(name)
  seed = operator.index(seed)
  if not 0 <= seed < _SEED_LIMIT:
    raise ValueError(
      f'The seed of an environment must be in [0, 2**32); got {seed}.'
    )
  environment = _suite().load(domain, task, task_kwargs={'random': seed})
  return wrappers_lib.wrap_all(
    environment,
    [
      wrappers_lib.ConcatObservationWrapper,
      wrappers_lib.SinglePrecisionWrapper,
    ],
  )


def list_tasks() -> tuple[str, ...]:
  """Returns the names of all tasks, in alphabetical order."""
  return tuple(
    sorted(f'control:{domain}:{task}' for domain, task in _suite().ALL_TASKS)
  )


def _parse(name: str) -> tuple[str, str]:
  """Splits the name of a task that exists into its domain and task."""
  names = list_tasks()
  if name not in names:
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
    raise ValueError(
      f'Unknown environment {name!r}: expected {_FORMAT}, one of the'
      f' {len(names)} that list_tasks() gives. Did you mean {nearest!r}?'
    )
  _, domain, task = name.split(':')
  return domain, task


@functools.cache
def _suite() -> types.ModuleType:
  """Imports the Control Suite."""
  with warnings.catch_warnings():
    # dm_control tries its renderers at import, and the first of them, GLFW,
    # warns where there is no display.
    warnings.filterwarnings('ignore', module='glfw')
    from dm_control import suite
  return suite
