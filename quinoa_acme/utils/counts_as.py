"""Makes a class count as one of Acme's, without importing Acme.

Importing Acme imports Launchpad, and most of its parts Reverb and TensorFlow,
which a run in one process does not need. So the interfaces here are our own,
with Acme's methods. As soon as Acme's module is imported, from wherever, they
become virtual subclasses of Acme's (`abc.ABCMeta.register`): `isinstance` and
`issubclass` then hold as they would for real ones.
"""

from __future__ import annotations

from collections.abc import Callable
import importlib.abc
import importlib.machinery
import sys
from typing import TypeVar

ClassT = TypeVar('ClassT', bound=type)

# For each module that is not imported yet, the names of its classes, each with
# our own class.
_pending: dict[str, list[tuple[str, type]]] = {}


def counts_as(module: str, name: str) -> Callable[[ClassT], ClassT]:
  """Makes the decorated class count as an abstract class of another package.

  Args:
    module: the other class's module, e.g. 'acme.core'.
    name: the other class, whose metaclass is `abc.ABCMeta`.

  Returns:
    The decorator, which returns the class itself.
  """

  def decorate(own: ClassT) -> ClassT:
    other = getattr(sys.modules.get(module), name, None)
    if other is None:
      _pending.setdefault(module, []).append((name, own))
    else:
      other.register(own)
    return own

  return decorate


class _Loader(importlib.abc.Loader):
  """A loader around another one, which registers our classes at its end."""

  def __init__(self, loader: importlib.abc.Loader):
    self._loader = loader

  def __getattr__(self, name: str):
    return getattr(self._loader, name)

  def create_module(self, spec):
    return self._loader.create_module(spec)

  def exec_module(self, module):
    self._loader.exec_module(module)
    for name, own in _pending.pop(module.__name__, []):
      getattr(module, name).register(own)


class _Finder(importlib.abc.MetaPathFinder):
  """Finds the modules with pending classes as Python does."""

  def find_spec(self, fullname, path=None, target=None):
    """Returns the module's spec with our loader; None for all others."""
    if fullname not in _pending:
      return None
    spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
    if spec is not None and spec.loader is not None:
      spec.loader = _Loader(spec.loader)
    return spec


sys.meta_path.insert(0, _Finder())
