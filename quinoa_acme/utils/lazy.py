"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import importlib
import sys


def attach(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
  """Makes the `__getattr__` of a package (PEP 562).

  A type checker does not see what it gives: import the same names under
  `TYPE_CHECKING`.

  Args:
    package: the package's name.
    modules: the module of each name.

  Returns:
    The function, to be bound in the package as `__getattr__`.
  """

  def get(name: str) -> object:
    if name not in modules:
      raise AttributeError(f'module {package!r} has no attribute {name!r}')
    value = getattr(importlib.import_module(modules[name]), name)
    # The next time it is found at once.
    setattr(sys.modules[package], name, value)
    return value

  return get
