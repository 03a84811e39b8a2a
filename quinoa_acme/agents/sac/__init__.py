"""Acme's own SAC, and variants of it: the baselines for Quinoa."""

from typing import TYPE_CHECKING

from quinoa_acme.agents.common.observations import NormalisedObservations
from quinoa_acme.agents.common.observations import RawObservations
from quinoa_acme.agents.sac.config import SACConfig
from quinoa_acme.agents.sac.layers import PlainLayers
from quinoa_acme.agents.sac.layers import ResidualBlocks
from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.agents.common.acme_agents import CountedState
  from quinoa_acme.agents.sac.agent import SACAgent
  from quinoa_acme.agents.sac.builder import SACBuilder

__all__ = (
  'CountedState',
  'NormalisedObservations',
  'PlainLayers',
  'RawObservations',
  'ResidualBlocks',
  'SACAgent',
  'SACBuilder',
  'SACConfig',
)

# These import Acme's.
__getattr__ = lazy.attach(
  __name__,
  {
    'CountedState': 'quinoa_acme.agents.common.acme_agents',
    'SACAgent': 'quinoa_acme.agents.sac.agent',
    'SACBuilder': 'quinoa_acme.agents.sac.builder',
  },
)
