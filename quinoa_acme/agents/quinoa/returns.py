"""Over how many steps a TD target is."""

import dataclasses
import math

from quinoa_acme import validation


@dataclasses.dataclass(frozen=True)
class OneStep:
  """y = r + gamma V'(s'); equation 3 of the paper."""


@dataclasses.dataclass(frozen=True)
class SoftReturn:
  """y over n steps, whose soft terms are rewards of the soft problem.

  y = r_0 + sum_k gamma^k (r_k - w alpha D(a_k, s_k)) + gamma^n V'(s_n) over
  k = 1 ... n - 1, with D of the policy that is being learnt. In one process.

  Attributes:
    num_steps: n.
    weight: w; 1 is the soft return, and 0 leaves the terms out.
    floor: D counts at least as this. Actions of older policies have a D far
      below zero, for which nobody is paid.
  """

  num_steps: int = 3
  weight: float = 1.0
  floor: float = -math.inf

  def __post_init__(self):
    validation.check_whole(self, 'num_steps', least=2)
    validation.check_not_negative(self, 'weight')


Return = OneStep | SoftReturn


def num_steps(choice: Return) -> int:
  """The steps n of a target.

  Examples:
    >>> num_steps(OneStep()), num_steps(SoftReturn(num_steps=3))
    (1, 3)
  """
  return 1 if isinstance(choice, OneStep) else choice.num_steps
