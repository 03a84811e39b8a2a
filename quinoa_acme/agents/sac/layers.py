"""Of which layers the networks of SAC are made: Acme's, or residual blocks."""

import dataclasses

from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class PlainLayers:
  """Acme's own: MLPs of the configuration's `hidden_sizes`.

  Examples:
    >>> layers: Layers = PlainLayers()
  """


@dataclasses.dataclass(frozen=True)
class ResidualBlocks:
  """Residual blocks with layer normalisation, as in SimBa.

  Lee et al., 'SimBa: Simplicity Bias for Scaling Up Parameters in Deep
  Reinforcement Learning', 2024 (arXiv 2410.09754), section 4. The heads are
  Acme's. See `networks.residual.ResidualTrunk`.

  Attributes:
    policy_width: width of the policy's features.
    policy_blocks: number of the policy's blocks.
    critic_width: width of a critic's features.
    critic_blocks: number of a critic's blocks.

  Examples:
    >>> ResidualBlocks(critic_blocks=0)
    Traceback (most recent call last):
    ValueError: critic_blocks must be a whole number of at least 1, but is 0.
  """

  policy_width: int = 128
  policy_blocks: int = 1
  critic_width: int = 512
  critic_blocks: int = 2

  def __post_init__(self):
    validation.check_whole(
      self, 'policy_width', 'policy_blocks', 'critic_width', 'critic_blocks'
    )


Layers = PlainLayers | ResidualBlocks
