"""The configuration of the SVG(0) agent."""

import dataclasses

from quinoa_acme.agents.common import averaging as averaging_lib
from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.svg0 import regularisation as regularisation_lib
from quinoa_acme.networks import gaussian
from quinoa_acme.utils import validation

# Actors sample. The other choice is the image of the mean.
EvaluationPolicy = choices.Sample | choices.BaseMode


@dataclasses.dataclass(frozen=True, kw_only=True)
class SVG0Config(off_policy.OffPolicyConfig):
  """Options of the agent.

  The options for replay and for the ratio of updates to environment steps are
  those of `off_policy.OffPolicyConfig`.

  Attributes:
    policy: the kind of Gaussian and the shape of its network.
    critic_hidden_sizes: width of each hidden layer of Q.
    policy_learning_rate: Adam's, for the policy.
    critic_learning_rate: Adam's, for the critic.
    num_actions: actions sampled per state, over which the next state's value
      and the policy's gradient are averaged.
    regularisation: the penalty on the policy.
    target: how the target critic follows the learned one.
    evaluation_policy: which action the evaluator takes.
  """

  # Networks.
  policy: gaussian.GaussianConfig = gaussian.ClippedGaussianConfig()
  critic_hidden_sizes: tuple[int, ...] = (128, 128)

  # Loss.
  policy_learning_rate: float = 3e-4
  critic_learning_rate: float = 1e-3
  num_actions: int = 4
  regularisation: regularisation_lib.Regularisation = (
    regularisation_lib.KLRegularisation()
  )
  target: averaging_lib.Averaging = averaging_lib.Polyak(0.01)

  # Acting.
  evaluation_policy: EvaluationPolicy = choices.BaseMode()

  @classmethod
  def debug(cls) -> 'SVG0Config':
    """The default algorithm, so small that everything runs within seconds."""
    return cls(
      policy=gaussian.ClippedGaussianConfig(hidden_sizes=(32,)),
      critic_hidden_sizes=(32,),
      num_actions=2,
      **off_policy.SMALL_REPLAY,
    )

  def __post_init__(self):
    super().__post_init__()
    validation.check_sizes(self, 'critic_hidden_sizes')
    validation.check_rate(self, 'policy_learning_rate', 'critic_learning_rate')
    validation.check_whole(self, 'num_actions')
