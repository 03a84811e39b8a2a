"""The options of Acme's SAC."""

import dataclasses

from quinoa_acme.agents.common import off_policy
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True, kw_only=True)
class SACConfig(off_policy.OffPolicyConfig):
  """Options of Acme's SAC that a comparison with Quinoa needs.

  Attributes:
    hidden_sizes: width of each hidden layer of policy and critics.
    learning_rate: Adam's, for policy and critics; the temperature's is Acme's.
    tau: the fraction that the target critics move at every SGD step.
    target_entropy_per_dimension: in nats per action dimension.
  """

  hidden_sizes: tuple[int, ...] = (256, 256)
  learning_rate: float = 3e-4
  tau: float = 0.005
  target_entropy_per_dimension: float = -1.0

  @classmethod
  def debug(cls) -> 'SACConfig':
    """A preset so small that everything runs within seconds."""
    return cls(hidden_sizes=(32,), **off_policy.SMALL_REPLAY)

  def __post_init__(self):
    super().__post_init__()
    self._check_items()
    validation.check_sizes(self, 'hidden_sizes')
    validation.check_rate(self, 'learning_rate', 'tau')
    validation.check_finite(self, 'target_entropy_per_dimension')
