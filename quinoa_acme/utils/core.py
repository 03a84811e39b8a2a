"""The interfaces of `interfaces`, which to a type checker are Acme's.

At run time they count as Acme's wherever Acme is imported, so that either may
be given where the other is expected.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from acme.adders import Adder
  from acme.core import Actor
  from acme.core import Learner
  from acme.core import Saveable
  from acme.core import VariableSource
  from acme.core import Worker
  from acme.utils.loggers.base import Logger
  from acme.utils.loggers.base import LoggingData
  from acme.utils.loggers.base import NoOpLogger
else:
  from quinoa_acme.utils.interfaces import Actor
  from quinoa_acme.utils.interfaces import Adder
  from quinoa_acme.utils.interfaces import Learner
  from quinoa_acme.utils.interfaces import Logger
  from quinoa_acme.utils.interfaces import LoggingData
  from quinoa_acme.utils.interfaces import NoOpLogger
  from quinoa_acme.utils.interfaces import Saveable
  from quinoa_acme.utils.interfaces import VariableSource
  from quinoa_acme.utils.interfaces import Worker

__all__ = (
  'Actor',
  'Adder',
  'Learner',
  'Logger',
  'LoggingData',
  'NoOpLogger',
  'Saveable',
  'VariableSource',
  'Worker',
)
