"""What Q is fitted to: the TD target itself, or critics that are."""

import dataclasses

from quinoa_acme.networks import norms
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class EvenWeights:
  """Every transition counts the same, as in the paper.

  Examples:
    >>> weights: Weights = EvenWeights()
  """


@dataclasses.dataclass(frozen=True)
class LikelihoodWeights:
  """Actions that the policy would hardly take any more count less.

    w = max(exp(min(D(a, s), 0) / (scale A)), least)

  with A the number of action dimensions. A flow that is not flexible enough to
  be right everywhere is then right where the policy acts. This is not in the
  paper.

  Attributes:
    scale: how many nats for each dimension of the action an action may be less
      likely than under the prior, until it counts by a factor of 1 / e.
    least: the least weight, in [0, 1].

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
  """Q takes the TD target at replayed actions; equation 3 of the paper.

  The target is r + gamma V'(s'). It says nothing of actions that are not in
  replay: with flexible functions V can rise as long as D falls at replayed
  actions, and bootstrapping feeds on it. `proximity` holds Q at one fresh
  action of the policy in each state near what the target networks say there.
  That is not in the paper. See docs/decisions/0038-linear-energy.md.

  Attributes:
    proximity: weight of `losses.proximity_loss`, 0 in the paper.
    weights: how much each replayed action counts.
    num_actions: fresh actions a state that the relative entropy is estimated
      from; at least 2 for a `HeldQTemperature`.

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
  """Critics take the TD target, and Q is fitted to them at fresh actions.

  Replayed actions are mostly those of older policies, and at one of them V +
  alpha D is one equation for two unknowns: V can rise as long as D falls there.
  Critics, plain networks of observation and action, can be asked for the value
  of actions that the policy would take now. Equation 2 is regressed on their
  mean, less `pessimism` of their spread, at such actions, still by least
  squares and with no gradient through an action. The critics' target is
  r + gamma (Q'(a', s') - alpha D(a', s')) with a' of the policy and Q' made of
  the slow critics in the same way.

  This is not in the paper. See docs/decisions/0017-returns.md.

  Attributes:
    num_critics: how many.
    pessimism: how many standard deviations over the critics their value lies
      below their mean. With two critics, 1 makes it the smaller of them.
    hidden_sizes: width of each hidden layer of a critic.
    norm: how these are normalised.
    learning_rate: Adam's, of the critics.
    num_actions: fresh actions a state that Q is fitted at, at least 2.

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
  """How many actions a state are drawn at each step."""
  return fit.num_actions
