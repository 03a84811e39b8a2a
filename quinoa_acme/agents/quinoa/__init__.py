"""The Quinoa agent: configuration, networks, equations, learner and builder."""

from typing import TYPE_CHECKING

from quinoa_acme.agents.common.averaging import CopyEvery
from quinoa_acme.agents.common.averaging import Polyak
from quinoa_acme.agents.common.choices import ActionChoice
from quinoa_acme.agents.common.choices import BaseMode
from quinoa_acme.agents.common.choices import Median
from quinoa_acme.agents.common.choices import MostLikely
from quinoa_acme.agents.common.choices import Sample
from quinoa_acme.agents.common.observations import NormalisedObservations
from quinoa_acme.agents.common.observations import RawObservations
from quinoa_acme.agents.quinoa.acting import EvaluationNetwork
from quinoa_acme.agents.quinoa.acting import make_policy
from quinoa_acme.agents.quinoa.acting import OnlineNetwork
from quinoa_acme.agents.quinoa.acting import TargetNetwork
from quinoa_acme.agents.quinoa.agent import QuinoaAgent
from quinoa_acme.agents.quinoa.config import QuinoaConfig
from quinoa_acme.agents.quinoa.fit import CriticFit
from quinoa_acme.agents.quinoa.fit import DirectFit
from quinoa_acme.agents.quinoa.fit import EvenWeights
from quinoa_acme.agents.quinoa.fit import LikelihoodWeights
from quinoa_acme.agents.quinoa.networks import make_networks
from quinoa_acme.agents.quinoa.networks import PolicyVariables
from quinoa_acme.agents.quinoa.networks import QuinoaNetworks
from quinoa_acme.agents.quinoa.networks import QuinoaPolicy
from quinoa_acme.agents.quinoa.prior import LaggedPrior
from quinoa_acme.agents.quinoa.prior import UniformPrior
from quinoa_acme.agents.quinoa.returns import CutTrace
from quinoa_acme.agents.quinoa.returns import OneStep
from quinoa_acme.agents.quinoa.returns import SoftReturn
from quinoa_acme.agents.quinoa.returns import UncutTrace
from quinoa_acme.agents.quinoa.temperature import DualTemperature
from quinoa_acme.agents.quinoa.temperature import FixedTemperature
from quinoa_acme.agents.quinoa.temperature import HeldQTemperature
from quinoa_acme.agents.quinoa.temperature import MultiplierTemperature
from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.agents.common.learning import NonFiniteError
  from quinoa_acme.agents.quinoa.learning import QuinoaBuilder
  from quinoa_acme.agents.quinoa.learning import QuinoaLearner
  from quinoa_acme.agents.quinoa.training_state import TrainingState

__all__ = (
  'ActionChoice',
  'BaseMode',
  'CopyEvery',
  'CriticFit',
  'CutTrace',
  'DirectFit',
  'DualTemperature',
  'EvaluationNetwork',
  'EvenWeights',
  'FixedTemperature',
  'HeldQTemperature',
  'LaggedPrior',
  'LikelihoodWeights',
  'Median',
  'MostLikely',
  'MultiplierTemperature',
  'NonFiniteError',
  'NormalisedObservations',
  'OneStep',
  'OnlineNetwork',
  'PolicyVariables',
  'Polyak',
  'QuinoaAgent',
  'QuinoaBuilder',
  'QuinoaConfig',
  'QuinoaLearner',
  'QuinoaNetworks',
  'QuinoaPolicy',
  'RawObservations',
  'Sample',
  'SoftReturn',
  'TargetNetwork',
  'TrainingState',
  'UncutTrace',
  'UniformPrior',
  'make_networks',
  'make_policy',
)

# These train; acting does without.
__getattr__ = lazy.attach(
  __name__,
  {
    'NonFiniteError': 'quinoa_acme.agents.common.learning',
    'QuinoaBuilder': 'quinoa_acme.agents.quinoa.learning',
    'QuinoaLearner': 'quinoa_acme.agents.quinoa.learning',
    'TrainingState': 'quinoa_acme.agents.quinoa.training_state',
  },
)
