"""The options of Acme's SAC."""

import dataclasses

from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.sac import layers as layers_lib
from quinoa_acme.networks import norms
from quinoa_acme.utils import validation

# Of the initial temperature, whose logarithm Acme's Adam moves by 3e-4 a step.
_LOWEST, _HIGHEST = 1e-4, 1e4


@dataclasses.dataclass(frozen=True, kw_only=True)
class SACConfig(off_policy.OffPolicyConfig):
  """Options of Acme's SAC that a comparison with Quinoa needs.

  The defaults are Acme's SAC. The learner is Acme's with every option.

  Attributes:
    hidden_sizes: width of each hidden layer of policy and critics, if the
      layers are plain.
    critic_norm: normalisation of the critics' hidden layers, if the layers are
      plain.
    layers: of which layers the networks are made.
    num_critics: the least value of so many critics counts.
    n_step: number of rewards in a target before the critics' value. As in
      Acme, only the last step of a target has an entropy term.
    observations: whether all networks see observations normalised. In the
      running statistics a call of the learner counts as one batch.
    learning_rate: Adam's, for policy and critics; the temperature's is Acme's.
    weight_decay: AdamW's, for policy and critics; 0 for Adam.
    initial_temperature: alpha before the first SGD step, in units of reward.
    tau: the fraction that the target critics move at every SGD step.
    target_entropy_per_dimension: in nats per action dimension.
  """

  # Networks.
  hidden_sizes: tuple[int, ...] = (256, 256)
  critic_norm: norms.NoNorm | norms.LayerNorm = norms.NoNorm()
  layers: layers_lib.Layers = layers_lib.PlainLayers()
  num_critics: int = 2
  observations: observations_lib.Observations = (
    observations_lib.RawObservations()
  )

  # Loss.
  n_step: int = 1
  learning_rate: float = 3e-4
  weight_decay: float = 0.0
  initial_temperature: float = 1.0
  tau: float = 0.005
  target_entropy_per_dimension: float = -1.0

  @classmethod
  def layer_norm_three_steps(cls) -> 'SACConfig':
    """With what Quinoa's default has too.

    Layer normalisation in the critics, and 3-step returns. What Quinoa's
    default gains over this is not due to these two.
    """
    return cls(critic_norm=norms.LayerNorm(), n_step=3)

  @classmethod
  def simba(cls) -> 'SACConfig':
    """With SimBa's networks and settings for the Control Suite.

    Lee et al., 2024 (arXiv 2410.09754), with the values of its repository:
    normalised observations, residual blocks, one critic, AdamW, and two updates
    per environment step. The policy's head, the temperature's learning rate
    (3e-4 for SimBa's 1e-4) and the order of the updates are Acme's.
    """
    return cls(
      layers=layers_lib.ResidualBlocks(),
      num_critics=1,
      observations=observations_lib.NormalisedObservations(),
      learning_rate=1e-4,
      weight_decay=1e-2,
      initial_temperature=0.01,
      target_entropy_per_dimension=-0.5,
      samples_per_insert=512.0,
    )

  @classmethod
  def debug(cls) -> 'SACConfig':
    """A preset so small that everything runs within seconds."""
    return cls(hidden_sizes=(32,), **off_policy.SMALL_REPLAY)

  @property
  def transition_steps(self) -> int:
    """Number of environment steps whose rewards a transition sums up."""
    return self.n_step

  def __post_init__(self):
    super().__post_init__()
    self._check_items()
    validation.check_sizes(self, 'hidden_sizes')
    validation.check_whole(self, 'num_critics', 'n_step')
    validation.check_rate(self, 'learning_rate', 'tau')
    validation.check_not_negative(self, 'weight_decay')
    validation.check_positive(self, 'initial_temperature')
    validation.check_within(self, _LOWEST, _HIGHEST, 'initial_temperature')
    validation.check_finite(self, 'target_entropy_per_dimension')
    self._check_decay()
    self._check_norm()

  def _check_decay(self) -> None:
    # Above that, a step takes off more than the whole parameter.
    if self.learning_rate * self.weight_decay > 1:
      raise ValueError(
        'learning_rate * weight_decay must be at most 1, but is '
        f'{self.learning_rate:g} * {self.weight_decay:g}: AdamW takes that '
        'share of each parameter off at every SGD step. Lower weight_decay.'
      )

  def _check_norm(self) -> None:
    if self.critic_norm != norms.NoNorm() and isinstance(
      self.layers, layers_lib.ResidualBlocks
    ):
      raise ValueError(
        f'critic_norm={self.critic_norm} is for PlainLayers(): '
        'ResidualBlocks(...) have their own layer normalisation. Use '
        'critic_norm=NoNorm().'
      )
