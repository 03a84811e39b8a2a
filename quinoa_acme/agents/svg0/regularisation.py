"""What holds SVG(0)'s policy back from its critic, if anything does.

Each option is a penalty in nats times a weight, on every state: with it the
value of a state is V(s) = E_a[Q(a, s)] - weight * penalty(s), and both the TD
target and the policy's objective are made of that V.
"""

import dataclasses

from quinoa_acme.agents.common import averaging as averaging_lib
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class NoRegularisation:
  """Only the critic counts, as in Heess et al. (2015)."""


@dataclasses.dataclass(frozen=True)
class EntropyRegularisation:
  """The penalty is the relative entropy to the uniform policy.

  It is the policy's negative entropy but for a constant; it keeps the scales
  from falling to their least.

  Attributes:
    weight: in units of reward per nat.
  """

  weight: float = 1e-2

  def __post_init__(self):
    validation.check_positive(self, 'weight')


@dataclasses.dataclass(frozen=True)
class KLRegularisation:
  """The penalty is the relative entropy to a slow copy of the policy.

  It bounds how fast the policy moves, and not where to: the setting in which
  section 2 of the Quinoa paper puts its comparison.

  Attributes:
    weight: in units of reward per nat.
    averaging: how the copy follows the policy.
  """

  weight: float = 1e-2
  averaging: averaging_lib.Averaging = averaging_lib.CopyEvery(100)

  def __post_init__(self):
    validation.check_positive(self, 'weight')


Regularisation = NoRegularisation | EntropyRegularisation | KLRegularisation
