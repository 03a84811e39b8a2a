"""The registry of agents: the package's own, and any from outside.

Register an agent with its name, the class of its options and its own class:

  agents.register('mine', MyConfig, MyAgent)

After that, `run(ExperimentConfig(agent=MyConfig(), ...))` trains it.
Evaluation, resume, `load_policy` and `scripts.train('mine')`, with the fields
of `MyConfig` as flags, know it too. Nothing else needs a change.
"""

from collections.abc import Callable, Mapping, Sequence
import inspect
import re
import types
from typing import Any, NamedTuple

from quinoa_acme.agents.common import off_policy
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.utils import options
from quinoa_acme.utils import user_modules

Presets = Mapping[str, Callable[[], off_policy.OffPolicyConfig]]


class Registration(NamedTuple):
  """A registered agent.

  Attributes:
    name: its name on a command line.
    config: the class of its options.
    make_agent: makes the agent from its options.
  """

  name: str
  config: type[off_policy.OffPolicyConfig]
  make_agent: Callable[[Any], off_policy.OffPolicyAgent]


_registrations: dict[str, Registration] = {}
_presets: dict[str, Presets] = {}
_configs: dict[str, type[off_policy.OffPolicyConfig]] = {}

# By the name of the agent, then of the preset.
PRESETS: Mapping[str, Presets] = types.MappingProxyType(_presets)
# By the name of the class.
CONFIGS: Mapping[str, type[off_policy.OffPolicyConfig]] = (
  types.MappingProxyType(_configs)
)


def register(
  name: str,
  config: type[off_policy.OffPolicyConfig],
  agent: Callable[[Any], Any],
) -> None:
  """Registers an agent.

  Its presets are 'default' and each public class method of the options that
  takes no arguments, such as `debug`. If options are defined again, in the same
  module with the same name, they replace the earlier ones.

  Args:
    name: on a command line: small letters, digits and underscores.
    config: the class of its options, an `off_policy.OffPolicyConfig`: a frozen
      dataclass whose fields all have defaults.
    agent: its class, or a function that makes an agent from its options, an
      `off_policy.OffPolicyAgent`.

  Raises:
    TypeError: if `config` is not such a class, or `agent` cannot be called.
    ValueError: if the name is not valid, or another agent has it, or another
      agent's options have the name of the class.
  """
  if not re.fullmatch(r'[a-z][a-z0-9_]*', str(name)):
    raise ValueError(
      'an agent is named by small letters, digits and underscores, not by '
      f'{name!r}.'
    )
  options.check_option_type(config)
  if not issubclass(config, off_policy.OffPolicyConfig):
    raise TypeError(f'{config.__name__} must be an OffPolicyConfig.')
  if not callable(agent):
    raise TypeError(
      f'agent must be a class, or a function of the options, not {agent!r}.'
    )
  for other in _registrations.values():
    if other.name != name and other.config.__name__ != config.__name__:
      continue
    if other.name != name or not options.is_defined_again(other.config, config):
      raise ValueError(
        f'there is an agent {other.name!r} with {other.config.__name__}, from '
        f'{other.config.__module__}: give {name!r} with '
        f'{config.__name__}, of {config.__module__}, other names.'
      )
  _configs[config.__name__] = config
  _registrations[name] = Registration(name, config, agent)
  _presets[name] = {'default': config, **_find_presets(config)}


def _find_presets(config: type) -> Presets:
  """The class methods that are presets; those of base classes come first."""
  names = dict.fromkeys(
    name for base in reversed(config.__mro__) for name in vars(base)
  )
  return {
    name: getattr(config, name)
    for name in names
    if not name.startswith('_')
    and isinstance(inspect.getattr_static(config, name), classmethod)
    and not inspect.signature(getattr(config, name)).parameters
  }


def find(config: Any) -> Registration:
  """Finds the agent to which options belong.

  Args:
    config: the options.

  Returns:
    The agent's registration.

  Raises:
    TypeError: if they belong to no registered agent.
  """
  for registration in _registrations.values():
    if registration.config is type(config):
      return registration
  raise TypeError(
    'expected the configuration of a registered agent '
    f'({", ".join(_configs)}), but got {config!r}. Register your own agent '
    'by quinoa_acme.agents.register.'
  )


def places() -> list[str]:
  """The user's modules whose agents or flows are registered."""
  return user_modules.places_of([*_configs.values(), *flow_registry.kinds()])


class Carried(NamedTuple):
  """Registrations that another process could not import.

  Attributes:
    agents: the registrations of agents.
    flows: the classes of flows.
  """

  agents: Sequence[Registration]
  flows: Sequence[type]


def carry(config: off_policy.OffPolicyConfig) -> Carried:
  """The registrations to send to another process along with options.

  An imported module registers its own. A script that is run, or a file that is
  loaded by path, does not: its classes are pickled by value.

  Args:
    config: an agent's options.

  Returns:
    What such modules have registered for these options, for `unpack`.
  """
  kinds = [
    kind
    for kind in options.classes_in(config)
    if not user_modules.is_imported(kind)
  ]
  return Carried(
    [find(config)] if type(config) in kinds else [],
    [kind for kind in kinds if flow_registry.is_registered(kind)],
  )


def unpack(carried: Carried) -> None:
  """Registers the result of `carry`, in another process."""
  for kind in carried.flows:
    if not flow_registry.is_registered(kind):
      flow_registry.register(kind)
  for agent in carried.agents:
    if _configs.get(agent.config.__name__) is not agent.config:
      register(*agent)
