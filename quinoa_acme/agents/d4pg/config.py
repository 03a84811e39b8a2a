"""The options of Acme's D4PG."""

import dataclasses

from quinoa_acme.agents.common import off_policy
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True, kw_only=True)
class D4PGConfig(off_policy.OffPolicyConfig):
  """Options of Acme's D4PG that a comparison with Quinoa needs.

  All have Acme's own values. Gradients are clipped as there.

  Attributes:
    policy_hidden_sizes: width of each hidden layer of the policy.
    critic_hidden_sizes: width of each hidden layer of the critic.
    min_value: the lowest atom of the critic's distribution, a return.
    max_value: the highest atom.
    num_atoms: number of atoms, equally spaced.
    learning_rate: Adam's, for policy and critic.
    n_step: number of rewards in a target before the critic's value.
    sigma: standard deviation of the noise on the actors' actions, in the units
      of the action box.
    target_update_period: SGD steps between two copies to the target networks.
  """

  policy_hidden_sizes: tuple[int, ...] = (300, 200)
  critic_hidden_sizes: tuple[int, ...] = (400, 300)
  min_value: float = -150.0
  max_value: float = 150.0
  num_atoms: int = 51
  learning_rate: float = 1e-4
  n_step: int = 5
  sigma: float = 0.3
  target_update_period: int = 100

  @classmethod
  def debug(cls) -> 'D4PGConfig':
    """A preset so small that everything runs within seconds."""
    return cls(
      policy_hidden_sizes=(32,),
      critic_hidden_sizes=(32,),
      **off_policy.SMALL_REPLAY,
    )

  @property
  def transition_steps(self) -> int:
    """Number of environment steps whose rewards a transition sums up."""
    return self.n_step

  def __post_init__(self):
    super().__post_init__()
    self._check_items()
    validation.check_sizes(self, 'policy_hidden_sizes', 'critic_hidden_sizes')
    validation.check_rate(self, 'learning_rate')
    validation.check_not_negative(self, 'sigma')
    validation.check_whole(self, 'n_step')
    validation.check_period(self, 'target_update_period')
    validation.check_whole(self, 'num_atoms', least=2)
    validation.check_finite(self, 'min_value', 'max_value')
    if not self.min_value < self.max_value:
      raise ValueError(
        f'min_value must be below max_value, but is {self.min_value!r} with '
        f'max_value {self.max_value!r}.'
      )
