"""The Quinoa agent: configuration, networks, equations, learner and builder."""

from quinoa_acme.agents.averaging import CopyEvery
from quinoa_acme.agents.averaging import Polyak
from quinoa_acme.agents.learning import NonFiniteError
from quinoa_acme.agents.quinoa.acting import ActionChoice
from quinoa_acme.agents.quinoa.acting import BaseMode
from quinoa_acme.agents.quinoa.acting import make_policy
from quinoa_acme.agents.quinoa.acting import MostLikely
from quinoa_acme.agents.quinoa.acting import Sample
from quinoa_acme.agents.quinoa.agent import QuinoaAgent
from quinoa_acme.agents.quinoa.builder import QuinoaBuilder
from quinoa_acme.agents.quinoa.config import QuinoaConfig
from quinoa_acme.agents.quinoa.fit import CriticFit
from quinoa_acme.agents.quinoa.fit import DirectFit
from quinoa_acme.agents.quinoa.learning import QuinoaLearner
from quinoa_acme.agents.quinoa.networks import make_networks
from quinoa_acme.agents.quinoa.networks import PolicyVariables
from quinoa_acme.agents.quinoa.networks import QuinoaNetworks
from quinoa_acme.agents.quinoa.networks import QuinoaPolicy
from quinoa_acme.agents.quinoa.prior import LaggedPrior
from quinoa_acme.agents.quinoa.prior import UniformPrior
from quinoa_acme.agents.quinoa.temperature import DualTemperature
from quinoa_acme.agents.quinoa.temperature import FixedTemperature
from quinoa_acme.agents.quinoa.temperature import MultiplierTemperature
from quinoa_acme.agents.quinoa.update import TrainingState

__all__ = (
  'ActionChoice',
  'BaseMode',
  'CopyEvery',
  'CriticFit',
  'DirectFit',
  'DualTemperature',
  'FixedTemperature',
  'LaggedPrior',
  'MostLikely',
  'MultiplierTemperature',
  'NonFiniteError',
  'PolicyVariables',
  'Polyak',
  'QuinoaAgent',
  'QuinoaBuilder',
  'QuinoaConfig',
  'QuinoaLearner',
  'QuinoaNetworks',
  'QuinoaPolicy',
  'Sample',
  'TrainingState',
  'UniformPrior',
  'make_networks',
  'make_policy',
)
