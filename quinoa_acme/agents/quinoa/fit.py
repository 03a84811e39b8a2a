"""What Q is fitted to: the TD target itself, or critics that learn it."""

import dataclasses

from quinoa_acme.networks import norms
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class EvenWeights:
  """All transitions have the same weight, as in the paper.

  Examples:
    >>> weights: Weights = EvenWeights()
  """


@dataclasses.dataclass(frozen=True)
class LikelihoodWeights:
  """Actions that have become unlikely under the policy get less weight.

    w = max(exp(min(D(a, s), 0) / (scale A)), least)

  with A the number of action dimensions. A flow that cannot be right everywhere
  is then right where the policy acts. This is not in the paper.

  Attributes:
    scale: an action that is `scale` nats per action dimension less likely than
      under the prior gets weight 1 / e.
    least: the smallest weight, in [0, 1].

  Examples:
    >>> weights: Weights = LikelihoodWeights(scale=3.4)
  """

  scale: float = 1.7
  least: float = 0.05

  def __post_init__(self):
    validation.check_positive(self, 'scale')
    if not 0 <= self.least <= 1:
      raise ValueError(f'least must be in [0, 1], but is {self.least}.')


Weights = EvenWeights | LikelihoodWeights


@dataclasses.dataclass(frozen=True)
class DirectFit:
  """Q learns the TD target at replayed actions; equation 3 of the paper.

  The target is r + gamma V'(s'). It says nothing about actions outside replay:
  with flexible functions V can rise as long as D falls at replayed actions, and
  bootstrapping feeds on it. `proximity` counters this. It keeps Q close to the
  target networks' Q at one sampled action per state. That is not in the paper.
  See docs/decisions/0038-linear-energy.md.

  Attributes:
    proximity: weight of `losses.proximity_loss`, 0 in the paper.
    weights: the weight of each replayed action.
    num_actions: actions to sample per state for the estimate of the KL
      divergence; at least 2 for a `HeldQTemperature`.

  Examples:
    >>> num_actions(DirectFit(num_actions=4))
    4
  """

  proximity: float = 0.0
  weights: Weights = EvenWeights()
  num_actions: int = 1

  def __post_init__(self):
    validation.check_not_negative(self, 'proximity')
    validation.check_whole(self, 'num_actions')


@dataclasses.dataclass(frozen=True)
class CriticFit:
  """Critics learn the TD target, and Q is fitted to them at sampled actions.

  Replayed actions are mostly those of older policies. At one of them V + alpha
  D is one equation for two unknowns: V can rise as long as D falls there.
  Critics, plain networks of observation and action, give a value for the
  actions that the policy takes now. At such actions Equation 2 is fitted to the
  critics' mean minus `pessimism` standard deviations, still by least squares
  and with no gradient through an action. The critics' own target is
  r + gamma (Q'(a', s') - alpha D(a', s')), with a' sampled from the policy and
  Q' the same combination of the target critics.

  This is not in the paper. See docs/decisions/0017-returns.md.

  Attributes:
    num_critics: number of critics.
    pessimism: how many standard deviations (over critics) to subtract from the
      critics' mean. With two critics, 1 gives their minimum.
    hidden_sizes: width of each hidden layer of a critic.
    norm: normalisation of these layers.
    learning_rate: Adam's, for the critics.
    num_actions: sampled actions per state at which Q is fitted, at least 2.

  Examples:
    >>> num_actions(CriticFit(num_actions=8))
    8
  """

  num_critics: int = 2
  pessimism: float = 0.5
  hidden_sizes: tuple[int, ...] = (128, 128)
  norm: norms.Norm = norms.LayerNorm()
  learning_rate: float = 1e-3
  num_actions: int = 2

  def __post_init__(self):
    validation.check_whole(self, 'num_critics')
    validation.check_whole(self, 'num_actions', least=2)
    validation.check_sizes(self, 'hidden_sizes')
    validation.check_rate(self, 'learning_rate')
    validation.check_not_negative(self, 'pessimism')


Fit = DirectFit | CriticFit


def num_actions(fit: Fit) -> int:
  """How many actions per state each update samples."""
  return fit.num_actions
