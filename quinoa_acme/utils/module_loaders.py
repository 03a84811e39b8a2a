"""Loads a third party's module in another way, or does something after it."""

from __future__ import annotations

from collections.abc import Callable
import importlib.abc
import importlib.machinery


class LoadedBy(importlib.abc.MetaPathFinder):
  """Finds one module as Python does, but loads it in another way."""

  def __init__(
    self,
    name: str,
    loader: Callable[[importlib.abc.Loader], importlib.abc.Loader],
  ):
    """Makes the finder, for `sys.meta_path`.

    Args:
      name: of the module.
      loader: makes the new loader from the module's own.
    """
    self._name = name
    self._loader = loader

  def find_spec(self, fullname, path=None, target=None):
    """Returns the module's spec with the other loader; None for all others."""
    if fullname != self._name:
      return None
    spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
    if spec is not None and spec.loader is not None:
      spec.loader = self._loader(spec.loader)
    return spec


class Wrapper(importlib.abc.Loader):
  """A loader around another one, for subclasses that add to `exec_module`."""

  def __init__(self, loader: importlib.abc.Loader):
    """Wraps a loader."""
    self._loader = loader

  def __getattr__(self, name: str):
    return getattr(self._loader, name)

  def create_module(self, spec):
    """Makes the module as the other loader does."""
    return self._loader.create_module(spec)


class Then(Wrapper):
  """Loads a module, then does something."""

  def __init__(self, loader: importlib.abc.Loader, do: Callable[[], None]):
    """Wraps a loader.

    Args:
      loader: the module's own.
      do: called once the module is there.
    """
    super().__init__(loader)
    self._do = do

  def exec_module(self, module):
    """Runs the module's code, then the action."""
    self._loader.exec_module(module)
    self._do()
