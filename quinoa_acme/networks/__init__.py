"""Networks: conditional flows, Gaussians, values, critics, and their layers."""

from typing import TYPE_CHECKING

from quinoa_acme.networks.box import Box
from quinoa_acme.networks.critic import CriticMLP
from quinoa_acme.networks.flows.additive import AdditiveFlowConfig
from quinoa_acme.networks.flows.additive import ConditionalAdditiveFlow
from quinoa_acme.networks.flows.energy import AffineCouplings
from quinoa_acme.networks.flows.energy import ConditionalEnergyFlow
from quinoa_acme.networks.flows.energy import EnergyFlow
from quinoa_acme.networks.flows.energy import EnergyFlowConfig
from quinoa_acme.networks.flows.energy import NoCouplings
from quinoa_acme.networks.flows.energy import TiltCouplings
from quinoa_acme.networks.flows.flow import CouplingsConfig
from quinoa_acme.networks.flows.flow import Flow
from quinoa_acme.networks.flows.flow_registry import ConditionalFlow
from quinoa_acme.networks.flows.real_nvp import BoxFlow
from quinoa_acme.networks.flows.real_nvp import ConditionalRealNVP
from quinoa_acme.networks.flows.real_nvp import RealNVPConfig
from quinoa_acme.networks.flows.spline import ConditionalSplineFlow
from quinoa_acme.networks.flows.spline import SplineFlowConfig
from quinoa_acme.networks.flows.tilted import ConditionalTiltedFlow
from quinoa_acme.networks.flows.tilted import TiltedFlow
from quinoa_acme.networks.flows.tilted import TiltedFlowConfig
from quinoa_acme.networks.gaussian import BoxGaussian
from quinoa_acme.networks.gaussian import ClippedGaussian
from quinoa_acme.networks.gaussian import ClippedGaussianConfig
from quinoa_acme.networks.gaussian import ConditionalGaussian
from quinoa_acme.networks.gaussian import SquashedGaussian
from quinoa_acme.networks.gaussian import SquashedGaussianConfig
from quinoa_acme.networks.layer_norm import LayerNormLinear
from quinoa_acme.networks.linear import Layer
from quinoa_acme.networks.linear import Linear
from quinoa_acme.networks.mlp import flatten_observation
from quinoa_acme.networks.mlp import MLP
from quinoa_acme.networks.mlp import Trunk
from quinoa_acme.networks.norms import LayerNorm
from quinoa_acme.networks.norms import NoNorm
from quinoa_acme.networks.norms import WeightNorm
from quinoa_acme.networks.value import ValueMLP
from quinoa_acme.networks.weight_norm import WeightNormLinear
from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.networks.flows.distrax_flow import as_distrax

__all__ = (
  'MLP',
  'AdditiveFlowConfig',
  'AffineCouplings',
  'Box',
  'BoxFlow',
  'BoxGaussian',
  'ClippedGaussian',
  'ClippedGaussianConfig',
  'ConditionalAdditiveFlow',
  'ConditionalEnergyFlow',
  'ConditionalFlow',
  'ConditionalGaussian',
  'ConditionalRealNVP',
  'ConditionalSplineFlow',
  'ConditionalTiltedFlow',
  'CouplingsConfig',
  'CriticMLP',
  'EnergyFlow',
  'EnergyFlowConfig',
  'Flow',
  'Layer',
  'LayerNorm',
  'LayerNormLinear',
  'Linear',
  'NoCouplings',
  'NoNorm',
  'RealNVPConfig',
  'SplineFlowConfig',
  'SquashedGaussian',
  'SquashedGaussianConfig',
  'TiltCouplings',
  'TiltedFlow',
  'TiltedFlowConfig',
  'Trunk',
  'ValueMLP',
  'WeightNorm',
  'WeightNormLinear',
  'as_distrax',
  'flatten_observation',
)

# This one imports distrax, which imports TensorFlow Probability.
__getattr__ = lazy.attach(
  __name__, {'as_distrax': 'quinoa_acme.networks.flows.distrax_flow'}
)
