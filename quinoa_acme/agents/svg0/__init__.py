"""The SVG(0) agent: configuration, networks, equations, learner and builder."""

from typing import TYPE_CHECKING

from quinoa_acme.agents.common.averaging import CopyEvery
from quinoa_acme.agents.common.averaging import Polyak
from quinoa_acme.agents.common.choices import BaseMode
from quinoa_acme.agents.common.choices import Sample
from quinoa_acme.agents.svg0.agent import SVG0Agent
from quinoa_acme.agents.svg0.config import SVG0Config
from quinoa_acme.agents.svg0.networks import make_networks
from quinoa_acme.agents.svg0.networks import SVG0Networks
from quinoa_acme.agents.svg0.networks import SVG0Policy
from quinoa_acme.agents.svg0.regularisation import EntropyRegularisation
from quinoa_acme.agents.svg0.regularisation import KLRegularisation
from quinoa_acme.agents.svg0.regularisation import NoRegularisation
from quinoa_acme.networks.gaussian import ClippedGaussianConfig
from quinoa_acme.networks.gaussian import SquashedGaussianConfig
from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.agents.svg0.learning import SVG0Builder
  from quinoa_acme.agents.svg0.learning import SVG0Learner
  from quinoa_acme.agents.svg0.update import TrainingState

__all__ = (
  'BaseMode',
  'ClippedGaussianConfig',
  'CopyEvery',
  'EntropyRegularisation',
  'KLRegularisation',
  'NoRegularisation',
  'Polyak',
  'SVG0Agent',
  'SVG0Builder',
  'SVG0Config',
  'SVG0Learner',
  'SVG0Networks',
  'SVG0Policy',
  'Sample',
  'SquashedGaussianConfig',
  'TrainingState',
  'make_networks',
)

# These train; acting does without.
__getattr__ = lazy.attach(
  __name__,
  {
    'SVG0Builder': 'quinoa_acme.agents.svg0.learning',
    'SVG0Learner': 'quinoa_acme.agents.svg0.learning',
    'TrainingState': 'quinoa_acme.agents.svg0.update',
  },
)
