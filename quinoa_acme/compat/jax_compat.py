"""Binds the names that dm-acme 0.4.0 needs and that JAX has since removed.

dm-acme 0.4.0 is the last release on PyPI, written for JAX 0.3. It uses the
names below, most of them at import, all of them in its JAX agents. JAX 0.6 has
each under another name, with the same meaning, so it is enough to bind the old
name to the new object. JAX intends this
(https://github.com/jax-ml/jax/issues/16902); the patch can go with a release of
dm-acme for a current JAX.

`import_hooks` binds the names just before the first import of `acme.jax` in a
process, once `quinoa_acme` has been imported. A Launchpad node in a fresh
interpreter first imports what its pickle names. The nodes of
`quinoa_acme.runs.distributed.program` are functions of this package, so the
names are bound in each of them.

`tests/compat/jax_compat_test.py` fails when a name here is no longer needed:
when JAX has it again, or when no file of dm-acme uses it any more.
"""

import types
from typing import Any

import jax
import jax.numpy as jnp

# The missing name, and the object that now has its meaning. A name with two
# dots is in a module that no longer exists.
REPLACEMENTS: dict[str, Any] = {
  'jax.tree_map': jax.tree_util.tree_map,
  'jax.tree_multimap': jax.tree_util.tree_map,
  'jax.tree_flatten': jax.tree_util.tree_flatten,
  'jax.numpy.DeviceArray': jax.Array,
  'jax.xla.Device': jax.Device,
  'jax.xla.DeviceArray': jax.Array,
  'jax.pxla.ShardedDeviceArray': jax.Array,
}

_MODULES: dict[str, Any] = {'jax': jax, 'jax.numpy': jnp}


def _parent_of(name: str) -> tuple[Any, str]:
  """Returns the object that holds `name`'s last part; makes it if missing."""
  module_name, _, attribute = name.rpartition('.')
  if module_name in _MODULES:
    return _MODULES[module_name], attribute
  parent, _, child = module_name.rpartition('.')
  holder = _MODULES[parent]
  if child not in vars(holder):
    setattr(holder, child, types.SimpleNamespace())
  return vars(holder)[child], attribute


def is_missing(name: str) -> bool:
  """Whether JAX itself lacks `name`, e.g. 'jax.xla.Device'."""
  holder: Any = jax
  for part in name.split('.')[1:]:
    try:
      holder = getattr(holder, part)
    except AttributeError:
      return True
  return False


def install() -> None:
  """Binds every name of `REPLACEMENTS` that JAX lacks. May be repeated."""
  for name, replacement in REPLACEMENTS.items():
    if is_missing(name):
      holder, attribute = _parent_of(name)
      setattr(holder, attribute, replacement)
