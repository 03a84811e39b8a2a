"""Environments: made by name, checked at their edge, replayed.

`factory.py` makes them; what users need of it is here too, imported when it is
first used.
"""

from typing import TYPE_CHECKING

from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.environments.factory import EnvironmentFactory
  from quinoa_acme.environments.factory import list_tasks
  from quinoa_acme.environments.factory import make_environment

__all__ = ('EnvironmentFactory', 'list_tasks', 'make_environment')

__getattr__ = lazy.attach(
  __name__,
  dict.fromkeys(__all__, 'quinoa_acme.environments.factory'),
)
