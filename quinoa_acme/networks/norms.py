"""Options for the normalisation of a network's hidden layers."""

import dataclasses

from quinoa_acme.networks import layer_norm
from quinoa_acme.networks import linear
from quinoa_acme.networks import weight_norm


@dataclasses.dataclass(frozen=True)
class NoNorm:
  """Plain linear layers.

  Examples:
    >>> layer_of(NoNorm()).__name__
    'Linear'
  """


@dataclasses.dataclass(frozen=True)
class LayerNorm:
  """Layer normalisation of each hidden layer's output.

  Examples:
    >>> layer_of(LayerNorm()).__name__
    'LayerNormLinear'
  """


@dataclasses.dataclass(frozen=True)
class WeightNorm:
  """Weight normalisation, with an initialisation from the first batch.

  Examples:
    >>> layer_of(WeightNorm()).__name__
    'WeightNormLinear'
  """


Norm = NoNorm | LayerNorm | WeightNorm


def layer_of(norm: Norm) -> linear.Layer:
  """The kind of layer that implements an option."""
  match norm:
    case NoNorm():
      return linear.Linear
    case LayerNorm():
      return layer_norm.LayerNormLinear
    case WeightNorm():
      return weight_norm.WeightNormLinear
