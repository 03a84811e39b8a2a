"""Makes a class count as one of Acme's, without importing Acme.

Importing Acme imports Launchpad, and most of its parts Reverb and TensorFlow,
which a run in one process does not need. So the interfaces here are our own,
with Acme's methods. As soon as Acme's module is imported, from wherever, they
become virtual subclasses of Acme's (`abc.ABCMeta.register`): `isinstance` and
`issubclass` then hold as they would for real ones.
"""

from __future__ import annotations

from collections.abc import Callable
import functools
import sys
from typing import TypeVar

from quinoa_acme.utils import module_loaders

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
    if other is not None:
      other.register(own)
    elif module in _pending:
      _pending[module].append((name, own))
    else:
      _pending[module] = [(name, own)]
      register = functools.partial(_register, module)
      sys.meta_path.insert(
        0,
        module_loaders.LoadedBy(
          module, lambda loader: module_loaders.Then(loader, register)
        ),
      )
    return own

  return decorate


def _register(module: str) -> None:
  """Registers the classes that waited for a module."""
  for name, own in _pending.pop(module, []):
    getattr(sys.modules[module], name).register(own)
