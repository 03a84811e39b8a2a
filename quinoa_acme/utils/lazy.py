"""Names of a package that are imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import importlib
import sys


def attach(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
  """Makes the `__getattr__` of a package (PEP 562).

  A type checker does not see these names: also import them under
  `TYPE_CHECKING`.

  Args:
    package: the package's name.
    modules: the module of each name.

  Returns:
    The function; bind it in the package as `__getattr__`.
  """

  def get(name: str) -> object:
    if name not in modules:
      raise AttributeError(f'module {package!r} has no attribute {name!r}')
    value = getattr(importlib.import_module(modules[name]), name)
    # Next time it is found directly.
    setattr(sys.modules[package], name, value)
    return value

  return get
