"""Penalties on SVG(0)'s policy, if any.

Each option is a weight times a penalty in nats, in every state. The value of a
state becomes V(s) = E_a[Q(a, s)] - weight * penalty(s); the TD target and the
policy's objective both use that V.
"""

import dataclasses

from quinoa_acme.agents.common import averaging as averaging_lib
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class NoRegularisation:
  """Only the critic counts, as in Heess et al. (2015)."""


@dataclasses.dataclass(frozen=True)
class EntropyRegularisation:
  """The penalty is the KL divergence from the uniform policy.

  Up to a constant it is the policy's negative entropy. It keeps the scales from
  falling to their minimum.

  Attributes:
    weight: in units of reward per nat.
  """

  weight: float = 1e-2

  def __post_init__(self):
    validation.check_positive(self, 'weight')


@dataclasses.dataclass(frozen=True)
class KLRegularisation:
  """The penalty is the KL divergence from a lagged copy of the policy.

  It limits how fast the policy moves, not where to: the setting of the
  comparison in section 2 of the Quinoa paper.

  Attributes:
    weight: in units of reward per nat.
    averaging: how the copy follows the policy.
  """

  weight: float = 1e-2
  averaging: averaging_lib.Averaging = averaging_lib.CopyEvery(100)

  def __post_init__(self):
    validation.check_positive(self, 'weight')


Regularisation = NoRegularisation | EntropyRegularisation | KLRegularisation
