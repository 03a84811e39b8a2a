"""Modules of the user's own, imported when the user names them.

A module may make environments, and may register agents and flows. What a file
says, such as the `config.json` of a run, is never imported by itself: whoever
wrote the file would decide what is run here.
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
    place: 'module', which is looked for in the current folder last, or
      'path/to/file.py'. A file is run once, as a module of its own name.

  Returns:
    The module, or what has the names that the file defines.

  Raises:
    ImportError: if there is no such module.
    OSError: if there is no such file.
  """
  if place.endswith('.py'):
    path = pathlib.Path(place).expanduser().resolve()
    return _run(str(path), path.stat().st_mtime_ns)
  if '' not in sys.path and str(pathlib.Path.cwd()) not in sys.path:
    # Last, so that it hides no module that is installed.
    sys.path.append(str(pathlib.Path.cwd()))
  return importlib.import_module(place)


def load_all(places: str | Iterable[str]) -> None:
  """Imports modules for what they register.

  Args:
    places: see `load`; one, or several.

  Raises:
    ValueError: if one is not there; says which.
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
  """Runs a file, once for each time that it was changed."""
  del changed_ns
  names = runpy.run_path(path, run_name=pathlib.Path(path).stem)
  return types.SimpleNamespace(**names)


def is_imported(kind: type) -> bool:
  """Whether a class is of a module that another process could import too."""
  return kind.__module__ != '__main__' and kind.__module__ in sys.modules


def places_of(kinds: Iterable[type]) -> list[str]:
  """The modules of the user's own that classes are of, as one names them."""
  names = {kind.__module__ for kind in kinds}
  return sorted(
    'path/to/your/script.py' if name == '__main__' else name
    for name in names
    if name.partition('.')[0] != __name__.partition('.')[0]
  )
