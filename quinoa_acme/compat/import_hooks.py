"""Actions just before, or around, the import of a third party's module.

If they ran when `quinoa_acme` is imported, they would import JAX, and fail
where JAX is broken: also in `quinoa_acme.doctor`, which should say why.
"""

from __future__ import annotations

from collections.abc import Callable
import importlib
import importlib.abc
import importlib.util
import os
import sys

from quinoa_acme.utils import module_loaders


class _Before(importlib.abc.MetaPathFinder):
  """Finds no module, but acts before others find one of a few."""

  def __init__(self, names: tuple[str, ...], prepare: Callable[[], None]):
    """Makes the finder.

    Args:
      names: of the modules.
      prepare: the action.
    """
    self._names = names
    self._prepare = prepare

  def find_spec(self, fullname, path=None, target=None):
    """Prepares, and leaves the finding to others."""
    del path, target
    if fullname in self._names:
      self._prepare()


class _WithoutKeras(module_loaders.Wrapper):
  """Loads TensorFlow 2.8.4 so that it imports Keras only on first use.

  TensorFlow would import it at its end, which takes over a second of CPU time.
  It can do without Keras, and nothing here uses it.
  """

  _PART = 'keras.models'

  def exec_module(self, module):
    if self._PART in sys.modules:
      self._loader.exec_module(module)
      return
    sys.modules[self._PART] = None  # pyright: ignore[reportArgumentType]  What Python takes for a module that is not there.
    try:
      self._loader.exec_module(module)
    finally:
      del sys.modules[self._PART]


class _WithAnyBackend(module_loaders.Wrapper):
  """Loads Matplotlib even if MPLBACKEND names an unknown backend.

  A notebook passes its backend on to everything it starts, and another
  environment may lack it. Matplotlib would then fail at the end of its import,
  by design (https://github.com/matplotlib/matplotlib/pull/6699); figures that
  are only saved need no backend. So this stays.
  """

  _VARIABLE = 'MPLBACKEND'

  def exec_module(self, module):
    try:
      self._loader.exec_module(module)
    except ValueError:
      if os.environ.pop(self._VARIABLE, None) is None:
        raise
      self._loader.exec_module(module)


def _bind_jax_names() -> None:
  from quinoa_acme.compat import jax_compat

  jax_compat.install()


def _silence_gym() -> None:
  from quinoa_acme.compat import quiet

  quiet.silence_gym()


def _lazily_if_flax(loader: importlib.abc.Loader) -> importlib.abc.Loader:
  """A lazy loader; the same one where Haiku's import must fail for its shim."""
  if importlib.util.find_spec('flax') is None:
    return loader
  return importlib.util.LazyLoader(loader)


def _spare_loopback_proxies() -> None:
  from quinoa_acme.utils import resources

  resources.spare_loopback_proxies()


def _silence_mujoco() -> None:
  from quinoa_acme.compat import quiet

  quiet.silence_mujoco()


def _import_probability_alone() -> None:
  """Imports TensorFlow Probability for JAX without TensorFlow.

  It would import TensorFlow, 5 s of CPU time, to copy docstrings from it, but
  works without it. So does 0.16.0; this can go when
  https://github.com/tensorflow/probability/issues/1714 is closed.
  """
  if 'tensorflow' in sys.modules:
    return
  sys.modules['tensorflow'] = None  # pyright: ignore[reportArgumentType]  What Python takes for a module that is not there.
  try:
    importlib.import_module('tensorflow_probability.substrates.jax')
  finally:
    del sys.modules['tensorflow']


# Both bring their own gRPC.
_CONNECT = ('courier', 'reverb')
_NEED_JAX_NAMES = (
  'acme.jax',
  'acme.agents.jax',
  'tensorflow_probability.substrates.jax',
)


def install() -> None:
  """Installs the hooks; call it once per process, before the imports.

  For modules that are already imported, the actions run at once.
  """
  if any(name in sys.modules for name in _NEED_JAX_NAMES):
    _bind_jax_names()
  if any(name in sys.modules for name in _CONNECT):
    _spare_loopback_proxies()
  sys.meta_path[:0] = [
    _Before(_NEED_JAX_NAMES, _bind_jax_names),
    _Before(_CONNECT, _spare_loopback_proxies),
    _Before(('gym',), _silence_gym),
    _Before(('distrax',), _import_probability_alone),
    module_loaders.LoadedBy('tensorflow', _WithoutKeras),
    module_loaders.LoadedBy('matplotlib', _WithAnyBackend),
    module_loaders.LoadedBy(
      'mujoco', lambda loader: module_loaders.Then(loader, _silence_mujoco)
    ),
    # Haiku 0.0.17 imports both, and with them Flax and absl's tests: half of
    # the import time, for few users.
    module_loaders.LoadedBy('haiku.experimental.flax', _lazily_if_flax),
    module_loaders.LoadedBy('haiku.testing', importlib.util.LazyLoader),
  ]
