"""Acme's own D4PG: a second baseline for Quinoa."""

from typing import TYPE_CHECKING

from quinoa_acme.agents.d4pg.config import D4PGConfig
from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.agents.common.acme_agents import CountedState
  from quinoa_acme.agents.d4pg.agent import D4PGAgent
  from quinoa_acme.agents.d4pg.agent import D4PGBuilder

__all__ = ('CountedState', 'D4PGAgent', 'D4PGBuilder', 'D4PGConfig')

# These import Acme's.
__getattr__ = lazy.attach(
  __name__,
  {
    'CountedState': 'quinoa_acme.agents.common.acme_agents',
    'D4PGAgent': 'quinoa_acme.agents.d4pg.agent',
    'D4PGBuilder': 'quinoa_acme.agents.d4pg.agent',
  },
)
