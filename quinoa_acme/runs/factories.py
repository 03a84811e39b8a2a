"""Makes a run's environment again, from what its folder says.

A run records the name of its task, from which `environments` makes it. If the
factory is your own, you have to say where it is.
"""

from collections.abc import Callable
import functools
from typing import Any, cast

import dm_env

from quinoa_acme import environments
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import user_modules

Factory = Callable[[int], dm_env.Environment]

_FORM = 'module:function or path/to/file.py:function'


def name_of(factory: Any) -> str | None:
  """The location of your own factory, for `find`.

  Args:
    factory: makes an environment from a seed.

  Returns:
    'module:function', or the closest to such a name; None for a factory of
    the package, which makes environments by name.
  """
  if isinstance(factory, environments.EnvironmentFactory):
    return None
  while isinstance(factory, functools.partial):
    factory = factory.func
  named = factory if hasattr(factory, '__qualname__') else type(factory)
  return f'{named.__module__}:{named.__qualname__}'


def find(text: str) -> Factory:
  """Finds your own factory.

  Args:
    text: 'module:function', where the module may also be in the current folder,
      or 'path/to/file.py:function'.

  Returns:
    The function, or another callable that makes an environment from a seed.

  Raises:
    ValueError: if there is none.
  """
  place, _, name = text.rpartition(':')
  if not (place and name):
    raise ValueError(f'environment={text!r}: expected {_FORM}.')
  try:
    found = user_modules.load(place)
    for part in name.split('.'):
      found = getattr(found, part)
  except (ImportError, OSError, AttributeError) as error:
    raise ValueError(
      f'environment={text!r}: not found, {error!r}. Expected {_FORM}.'
    ) from error
  if not callable(found):
    raise ValueError(f'environment={text!r}: it cannot be called.')
  return cast(Factory, found)


def of_run(workdir: str, given: Factory | str | None = None) -> Factory:
  """The factory of a run's environments.

  Args:
    workdir: the run's folder.
    given: the factory, or its location as for `find`, if it is your own.

  Returns:
    The factory.

  Raises:
    FileNotFoundError: if the folder does not hold a run.
    ValueError: if the run's factory is your own, and not given or not found.
  """
  if given is not None:
    return find(given) if isinstance(given, str) else given
  plain = run_folder.read_description(workdir)
  own = plain.get('environment_factory')
  if own is None:
    try:
      return environments.EnvironmentFactory(plain['env_name'])
    except ValueError as error:
      raise ValueError(f'{error} {_hint("...")}') from None
  module = own.partition(':')[0]
  if module == '__main__':
    own = own.replace(module, 'path/to/your/script.py')
  raise ValueError(
    f'The environments of the run in {workdir} come from your own factory. '
    f'{_hint(own)}'
  )


def _hint(text: str) -> str:
  return (
    f'Say where your factory is: --environment={text} ({_FORM}), or '
    'in Python environment_factory=...'
  )
