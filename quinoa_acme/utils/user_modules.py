"""The user's own modules, imported when the user names them.

A module may make environments, and may register agents and flows. A name in a
file, such as a run's `config.json`, is never imported by itself: the file's
author would then decide what code runs here.
"""

from collections.abc import Iterable
import functools
import importlib
import pathlib
import runpy
import sys
import types
from typing import Any

FORM = 'module or path/to/file.py'


def load(place: str) -> Any:
  """Imports a module.

  Args:
    place: 'module', looked up in the current folder last, or
      'path/to/file.py'. A file is run once, as a module of its own name.

  Returns:
    The module, or an object with the names that the file defines.

  Raises:
    ImportError: if there is no such module.
    OSError: if there is no such file.
  """
  if place.endswith('.py'):
    path = pathlib.Path(place).expanduser().resolve()
    return _run(str(path), path.stat().st_mtime_ns)
  if '' not in sys.path and str(pathlib.Path.cwd()) not in sys.path:
    # Last, so that it hides no installed module.
    sys.path.append(str(pathlib.Path.cwd()))
  return importlib.import_module(place)


def load_all(places: str | Iterable[str]) -> None:
  """Imports modules for their registrations.

  Args:
    places: see `load`; one, or several.

  Raises:
    ValueError: if one is not found; says which.
  """
  for place in [places] if isinstance(places, str) else places:
    try:
      load(place)
    except (ImportError, OSError) as error:
      raise ValueError(
        f'modules={place!r}: not found, {error!r}. Expected {FORM}.'
      ) from error


@functools.cache
def _run(path: str, changed_ns: int) -> types.SimpleNamespace:
  """Runs a file, once per version of its contents."""
  del changed_ns
  names = runpy.run_path(path, run_name=pathlib.Path(path).stem)
  return types.SimpleNamespace(**names)


def is_imported(kind: type) -> bool:
  """Whether a class is from a module that another process could import."""
  return kind.__module__ != '__main__' and kind.__module__ in sys.modules


def places_of(kinds: Iterable[type]) -> list[str]:
  """The user's modules that define these classes, as the user names them."""
  names = {kind.__module__ for kind in kinds}
  return sorted(
    'path/to/your/script.py' if name == '__main__' else name
    for name in names
    if name.partition('.')[0] != __name__.partition('.')[0]
  )
