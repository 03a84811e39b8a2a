"""Target networks and lagged copies: copied now and then, or averaged."""

import dataclasses

import jax

from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class CopyEvery:
  """The online parameters are copied every `period` learner steps.

  Attributes:
    period: learner steps between copies; 1000 in section 4 and Algorithm 2.

  Examples:
    >>> [float(update(CopyEvery(3), 1.0, 0.0, steps)) for steps in (1, 2, 3)]
    [0.0, 0.0, 1.0]
  """

  period: int = 1000

  def __post_init__(self):
    validation.check_period(self, 'period')


@dataclasses.dataclass(frozen=True)
class Polyak:
  """The copy moves a fraction of the way at every learner step.

  Attributes:
    rate: that fraction, in (0, 1].

  Examples:
    >>> update(Polyak(0.25), 1.0, 0.0, steps=1)
    0.25
  """

  rate: float = 0.005

  def __post_init__(self):
    validation.check_rate(self, 'rate')


Averaging = CopyEvery | Polyak


def update(
  averaging: Averaging,
  online: types.NestedArray,
  slow: types.NestedArray,
  steps: jax.Array,
) -> types.NestedArray:
  """The copy after a learner step.

  Args:
    averaging: how the copy follows.
    online: the learned parameters after this step.
    slow: the copy before it.
    steps: learner steps made, including this one; int32 scalar.

  Returns:
    The copy to use from the next step on.
  """
  # Imported here, so that configurations, which use these options, load fast.
  import optax

  if isinstance(averaging, CopyEvery):
    return optax.periodic_update(online, slow, steps, averaging.period)
  return optax.incremental_update(online, slow, averaging.rate)
