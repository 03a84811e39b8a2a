"""Environments: made by name, checked at their edge, replayed.

`factory.py` makes them; this package also has what users need of it, imported
on first use.
"""

from typing import TYPE_CHECKING

from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.environments.action_repeat import repeat_actions
  from quinoa_acme.environments.factory import EnvironmentFactory
  from quinoa_acme.environments.factory import list_tasks
  from quinoa_acme.environments.factory import make_environment

__all__ = (
  'EnvironmentFactory',
  'list_tasks',
  'make_environment',
  'repeat_actions',
)

__getattr__ = lazy.attach(
  __name__,
  {
    **dict.fromkeys(__all__, 'quinoa_acme.environments.factory'),
    'repeat_actions': 'quinoa_acme.environments.action_repeat',
  },
)
