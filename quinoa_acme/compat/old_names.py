"""The names that modules had up to version 0.1.0, for one version more.

An import by such a name gives the module itself, under its name of now, with a
warning that says it. To go, with its test, in version 0.3.0. See
docs/decisions/0041-the-tree.md.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings

# Of each package, below this one, which of its modules came from where.
_MOVED = {
  'utils': {
    '': 'lazy nests options validation common_types resources',
    'runs': 'checkpointing files',
  },
  'compat': {'': 'import_hooks jax_compat quiet'},
  'networks.flows': {
    'networks': 'flow bijectors real_nvp spline tilted additive energy'
  },
  'data': {'': 'transitions packing replay batched_adders'},
  'environments': {
    '': 'gymnasium_adapter',
    'runs': 'spec_json episodes replayable',
  },
  'agents.common': {
    '': 'layouts',
    'agents': 'acme_agents actors averaging builder choices learning '
    'off_policy pace updates variables',
  },
  'runs.distributed': {
    'runs': 'program actor_node learner_node evaluator_node node replay_server '
    'coordinator forking servers supervision failures notices capacity '
    'vertex_ai'
  },
  'runs.checkpoints': {
    'runs': 'replay_checkpoints run_folder run_state remains'
  },
  'runs.watching': {
    'runs': 'progress loggers plotting diagnostics terminal memory sample_age '
    'videos rendering watchdog running_time'
  },
}
_PACKAGE = 'quinoa_acme'


def _join(*parts: str) -> str:
  return '.'.join(part for part in parts if part)


# The name of now by that of then.
NAMES = {
  f'{_PACKAGE}.checked_environment': f'{_PACKAGE}.environments.checked',
  **{
    _join(_PACKAGE, then, name): _join(_PACKAGE, now, name)
    for now, places in _MOVED.items()
    for then, names in places.items()
    for name in names.split()
  },
}


class _Loader(importlib.abc.Loader):
  """Loads a module by its name of now, in the place of that of then."""

  def exec_module(self, module):
    # What is imported is what this holds afterwards.
    name = module.__name__
    sys.modules[name] = importlib.import_module(NAMES[name])


class _Finder(importlib.abc.MetaPathFinder):
  """Finds modules by their names of then."""

  def find_spec(self, fullname, path=None, target=None):
    """Returns the spec of a name in the table; None for all others."""
    del path, target
    if fullname not in NAMES:
      return None
    warnings.warn(
      f'{fullname} is now {NAMES[fullname]}, and is not found by its old name '
      'from version 0.3.0 on.',
      DeprecationWarning,
      stacklevel=2,  # Who imports it: Python leaves its own machinery out.
    )
    return importlib.machinery.ModuleSpec(fullname, _Loader())


def install() -> None:
  """Lets the old names be found; to be called once a process.

  The finder is the last one, so that nothing else waits for it.
  """
  sys.meta_path.append(_Finder())
