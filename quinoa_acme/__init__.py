"""Quinoa, a Q-function You Infer Normalized Over Actions, on Acme.

Importing this package imports nothing else: each name below is imported on
first use. Training in one process, evaluating and acting import no Acme,
Launchpad, Reverb or TensorFlow at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quinoa_acme.compat import import_hooks
from quinoa_acme.compat import old_names
from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.agents.common.layouts import make_local_layout
  from quinoa_acme.agents.d4pg import D4PGConfig
  from quinoa_acme.agents.quinoa import BaseMode
  from quinoa_acme.agents.quinoa import CopyEvery
  from quinoa_acme.agents.quinoa import CriticFit
  from quinoa_acme.agents.quinoa import DirectFit
  from quinoa_acme.agents.quinoa import DualTemperature
  from quinoa_acme.agents.quinoa import FixedTemperature
  from quinoa_acme.agents.quinoa import LaggedPrior
  from quinoa_acme.agents.quinoa import make_networks
  from quinoa_acme.agents.quinoa import make_policy
  from quinoa_acme.agents.quinoa import Median
  from quinoa_acme.agents.quinoa import MostLikely
  from quinoa_acme.agents.quinoa import MultiplierTemperature
  from quinoa_acme.agents.quinoa import OneStep
  from quinoa_acme.agents.quinoa import PolicyVariables
  from quinoa_acme.agents.quinoa import Polyak
  from quinoa_acme.agents.quinoa import QuinoaAgent
  from quinoa_acme.agents.quinoa import QuinoaBuilder
  from quinoa_acme.agents.quinoa import QuinoaConfig
  from quinoa_acme.agents.quinoa import QuinoaLearner
  from quinoa_acme.agents.quinoa import QuinoaNetworks
  from quinoa_acme.agents.quinoa import QuinoaPolicy
  from quinoa_acme.agents.quinoa import Sample
  from quinoa_acme.agents.quinoa import SoftReturn
  from quinoa_acme.agents.quinoa import UniformPrior
  from quinoa_acme.agents.sac import SACConfig
  from quinoa_acme.agents.svg0 import SVG0Config
  from quinoa_acme.data.adders import ReplayAdder
  from quinoa_acme.data.replay import TransitionReplay
  from quinoa_acme.environments import EnvironmentFactory
  from quinoa_acme.environments import list_tasks
  from quinoa_acme.environments import make_environment
  from quinoa_acme.export.exporting import export_policy
  from quinoa_acme.export.sharing import push_to_hub
  from quinoa_acme.networks import RealNVPConfig
  from quinoa_acme.networks import TiltedFlowConfig
  from quinoa_acme.policies import load_policy
  from quinoa_acme.runs.experiment import ExperimentConfig
  from quinoa_acme.runs.running import read_config
  from quinoa_acme.runs.running import run
  from quinoa_acme.runs.watching.diagnostics import plot_diagnostics
  from quinoa_acme.runs.watching.plotting import plot_learning_curve

# The module of each name.
_MODULES = {
  'D4PGConfig': 'quinoa_acme.agents.d4pg',
  'BaseMode': 'quinoa_acme.agents.quinoa',
  'CopyEvery': 'quinoa_acme.agents.quinoa',
  'CriticFit': 'quinoa_acme.agents.quinoa',
  'DirectFit': 'quinoa_acme.agents.quinoa',
  'DualTemperature': 'quinoa_acme.agents.quinoa',
  'FixedTemperature': 'quinoa_acme.agents.quinoa',
  'LaggedPrior': 'quinoa_acme.agents.quinoa',
  'make_networks': 'quinoa_acme.agents.quinoa',
  'make_policy': 'quinoa_acme.agents.quinoa',
  'Median': 'quinoa_acme.agents.quinoa',
  'MostLikely': 'quinoa_acme.agents.quinoa',
  'MultiplierTemperature': 'quinoa_acme.agents.quinoa',
  'OneStep': 'quinoa_acme.agents.quinoa',
  'PolicyVariables': 'quinoa_acme.agents.quinoa',
  'Polyak': 'quinoa_acme.agents.quinoa',
  'QuinoaAgent': 'quinoa_acme.agents.quinoa',
  'QuinoaBuilder': 'quinoa_acme.agents.quinoa',
  'QuinoaConfig': 'quinoa_acme.agents.quinoa',
  'QuinoaLearner': 'quinoa_acme.agents.quinoa',
  'QuinoaNetworks': 'quinoa_acme.agents.quinoa',
  'QuinoaPolicy': 'quinoa_acme.agents.quinoa',
  'Sample': 'quinoa_acme.agents.quinoa',
  'SoftReturn': 'quinoa_acme.agents.quinoa',
  'UniformPrior': 'quinoa_acme.agents.quinoa',
  'SACConfig': 'quinoa_acme.agents.sac',
  'SVG0Config': 'quinoa_acme.agents.svg0',
  'plot_diagnostics': 'quinoa_acme.runs.watching.diagnostics',
  'EnvironmentFactory': 'quinoa_acme.environments',
  'list_tasks': 'quinoa_acme.environments',
  'make_environment': 'quinoa_acme.environments',
  'export_policy': 'quinoa_acme.export.exporting',
  'push_to_hub': 'quinoa_acme.export.sharing',
  'ExperimentConfig': 'quinoa_acme.runs.experiment',
  'make_local_layout': 'quinoa_acme.agents.common.layouts',
  'RealNVPConfig': 'quinoa_acme.networks',
  'TiltedFlowConfig': 'quinoa_acme.networks',
  'plot_learning_curve': 'quinoa_acme.runs.watching.plotting',
  'load_policy': 'quinoa_acme.policies',
  'ReplayAdder': 'quinoa_acme.data.adders',
  'TransitionReplay': 'quinoa_acme.data.replay',
  'read_config': 'quinoa_acme.runs.running',
  'run': 'quinoa_acme.runs.running',
}

__all__ = (
  'BaseMode',
  'CopyEvery',
  'CriticFit',
  'D4PGConfig',
  'DirectFit',
  'DualTemperature',
  'EnvironmentFactory',
  'ExperimentConfig',
  'FixedTemperature',
  'LaggedPrior',
  'Median',
  'MostLikely',
  'MultiplierTemperature',
  'OneStep',
  'PolicyVariables',
  'Polyak',
  'QuinoaAgent',
  'QuinoaBuilder',
  'QuinoaConfig',
  'QuinoaLearner',
  'QuinoaNetworks',
  'QuinoaPolicy',
  'RealNVPConfig',
  'ReplayAdder',
  'SACConfig',
  'SVG0Config',
  'Sample',
  'SoftReturn',
  'TiltedFlowConfig',
  'TransitionReplay',
  'UniformPrior',
  'export_policy',
  'list_tasks',
  'load_policy',
  'make_environment',
  'make_local_layout',
  'make_networks',
  'make_policy',
  'plot_diagnostics',
  'plot_learning_curve',
  'push_to_hub',
  'read_config',
  'run',
)

__getattr__ = lazy.attach(__name__, _MODULES)


def __dir__() -> list[str]:
  return [*globals(), *__all__]


import_hooks.install()
old_names.install()
