"""The module names of earlier versions, kept for one more version.

Importing an old name gives the module under its new name, with a warning that
says so. Remove this, with its test, in version 0.3.0. See
docs/decisions/0041-the-tree.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings

# For each package below this one, the origin of its modules.
_MOVED = {
  'utils': {
    '': 'lazy nests options validation common_types resources',
    'runs': 'checkpointing files',
  },
  'compat': {'': 'import_hooks jax_compat quiet'},
  'networks.flows': {
    'networks': 'flow bijectors real_nvp spline tilted additive energy'
  },
  'data': {'': 'transitions replay'},
  'environments': {
    '': 'gymnasium_adapter',
    'runs': 'spec_json replayable',
  },
  'agents.common': {
    '': 'layouts',
    'agents': 'acme_agents actors averaging builder choices learning '
    'off_policy pace updates variables',
    'agents.quinoa': 'observations',
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
    'runs': 'progress loggers plotting diagnostics terminal memory videos '
    ' rendering watchdog running_time'
  },
}
# For each module, those that were merged into it.
_MERGED = {
  'data.adders': 'batched_adders data.batched_adders',
  'data.samples': 'runs.sample_age runs.watching.sample_age',
  'agents.common.reverb_replay': 'packing data.packing',
  'agents.quinoa.learning': 'agents.quinoa.builder',
  'agents.quinoa.update': 'agents.quinoa.targets',
  'agents.svg0.learning': 'agents.svg0.builder',
  'agents.d4pg.agent': 'agents.d4pg.builder',
  'runs.acting_loop': 'runs.episodes environments.episodes',
  'runs.experiment': 'runs.configuring',
}
_PACKAGE = 'quinoa_acme'


def _join(*parts: str) -> str:
  return '.'.join(part for part in parts if part)


# The new name for each old one.
NAMES = {
  f'{_PACKAGE}.checked_environment': f'{_PACKAGE}.environments.checked',
  **{
    _join(_PACKAGE, then, name): _join(_PACKAGE, now, name)
    for now, places in _MOVED.items()
    for then, names in places.items()
    for name in names.split()
  },
  **{
    _join(_PACKAGE, then): _join(_PACKAGE, now)
    for now, names in _MERGED.items()
    for then in names.split()
  },
}


class _Loader(importlib.abc.Loader):
  """Loads a module by its new name, in place of the old one."""

  def exec_module(self, module):
    # The import returns what this holds afterwards.
    name = module.__name__
    sys.modules[name] = importlib.import_module(NAMES[name])


class _Finder(importlib.abc.MetaPathFinder):
  """Finds modules by their old names."""

  def find_spec(self, fullname, path=None, target=None):
    """Returns the spec of a name in the table; None for all others."""
    del path, target
    if fullname not in NAMES:
      return None
    warnings.warn(
      f'{fullname} is now {NAMES[fullname]}; its old name will stop working '
      'in version 0.3.0.',
      DeprecationWarning,
      stacklevel=2,  # The importing code: Python leaves its own frames out.
    )
    return importlib.machinery.ModuleSpec(fullname, _Loader())


def attach(module: str, moved: Mapping[str, str]) -> Callable[[str], object]:
  """Makes the `__getattr__` of a module for what has moved to others.

  Args:
    module: the module's name.
    moved: the module of each name.

  Returns:
    The function; bind it in the module as `__getattr__`.
  """

  def get(name: str) -> object:
    if name not in moved:
      raise AttributeError(f'module {module!r} has no attribute {name!r}')
    warnings.warn(
      f'{module}.{name} is now {moved[name]}.{name}; its old name will stop '
      'working in version 0.3.0.',
      DeprecationWarning,
      stacklevel=2,
    )
    return getattr(importlib.import_module(moved[name]), name)

  return get


def install() -> None:
  """Makes the old names importable; call it once per process.

  The finder comes last, so that no other import waits for it.
  """
  sys.meta_path.append(_Finder())
