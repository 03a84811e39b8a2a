"""The configuration of the Quinoa agent."""

import dataclasses
import math

from quinoa_acme.agents.quinoa import acting
from quinoa_acme.agents.quinoa import averaging as averaging_lib
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import temperature as temperature_lib
from quinoa_acme.networks import real_nvp


@dataclasses.dataclass(frozen=True)
class QuinoaConfig:
  """Options of the agent; the defaults are the best known configuration.

  `QuinoaConfig.paper()` is the algorithm of the paper. The agent's README says
  for each field what the paper fixes and what it leaves open.

  Attributes:
    flow: the shape of the policy's flow.
    value_hidden_sizes: width of each hidden layer of V.
    discount: gamma, on top of the environment's own discount.
    learning_rate: Adam's.
    max_gradient_norm: the norm that the whole gradient, of flow and V together,
      is clipped to.
    temperature: how alpha is chosen.
    prior: what the policy's relative entropy is measured against.
    target: how the target value follows the value.
    batch_size: transitions a learner (SGD) step.
    num_sgd_steps_per_step: SGD steps a call of the learner, made on the device
      without a word to Python between them.
    samples_per_insert: transitions sampled for each one inserted; over
      `batch_size` it is the number of SGD steps an actor step.
    min_replay_size: transitions in replay before learning starts.
    max_replay_size: transitions kept, the oldest dropped first.
    samples_per_insert_tolerance: how far the ratio of samples to inserts may
      drift, as a share of `min_replay_size * samples_per_insert`, while actors
      and learner run at the same time.
    prefetch_size: learner calls' worth of data sampled ahead.
    evaluation_policy: which action the evaluator takes.
    variable_update_period: actor steps between requests for new parameters.
    replay_table_name: the name of the Reverb table.
  """

  # Networks.
  flow: real_nvp.RealNVPConfig = real_nvp.RealNVPConfig()
  value_hidden_sizes: tuple[int, ...] = (256, 256)

  # Loss.
  discount: float = 0.99
  learning_rate: float = 3e-4
  max_gradient_norm: float = 40.0
  temperature: temperature_lib.Temperature = temperature_lib.FixedTemperature(
    0.2
  )
  prior: prior_lib.Prior = prior_lib.LaggedPrior(
    averaging_lib.Polyak(0.005), flatness=0.1
  )
  target: averaging_lib.Averaging = averaging_lib.Polyak(0.005)

  # Learner.
  batch_size: int = 256
  num_sgd_steps_per_step: int = 10

  # Replay.
  samples_per_insert: float = 256.0
  min_replay_size: int = 1000
  max_replay_size: int = 1_000_000
  samples_per_insert_tolerance: float = 0.1
  prefetch_size: int = 1
  replay_table_name: str = 'priority_table'

  # Acting.
  evaluation_policy: acting.ActionChoice = acting.MostLikely()
  variable_update_period: int = 10

  @classmethod
  def paper(cls) -> 'QuinoaConfig':
    """The algorithm of the paper, with documented choices for what it omits."""
    return cls(
      learning_rate=1e-3,
      max_gradient_norm=1.0,
      temperature=temperature_lib.DualTemperature(epsilon=0.1),
      prior=prior_lib.LaggedPrior(averaging_lib.CopyEvery(1000)),
      target=averaging_lib.CopyEvery(1000),
      evaluation_policy=acting.Sample(),
    )

  @classmethod
  def debug(cls) -> 'QuinoaConfig':
    """The default algorithm, so small that every part runs within seconds."""
    return cls(
      flow=real_nvp.RealNVPConfig(num_couplings=2, hidden_sizes=(16,)),
      value_hidden_sizes=(32,),
      batch_size=32,
      num_sgd_steps_per_step=5,
      samples_per_insert=32.0,
      min_replay_size=100,
      max_replay_size=10_000,
      samples_per_insert_tolerance=0.2,
    )

  @property
  def sgd_steps_per_insert(self) -> float:
    """SGD steps for each transition inserted, the update-to-data ratio."""
    return self.samples_per_insert / self.batch_size

  @property
  def samples_per_step(self) -> int:
    """Transitions that one call of the learner takes from replay."""
    return self.batch_size * self.num_sgd_steps_per_step

  @property
  def error_buffer(self) -> float:
    """How many samples the limiter lets the ratio run ahead or behind."""
    return (
      self.samples_per_insert_tolerance
      * self.min_replay_size
      * self.samples_per_insert
    )

  def __post_init__(self):
    positive = (
      'learning_rate',
      'max_gradient_norm',
      'samples_per_insert',
      'samples_per_insert_tolerance',
    )
    for name in positive:
      value = getattr(self, name)
      if not 0 < value < math.inf:
        raise ValueError(
          f'{name} must be positive and finite, but is {value!r}.'
        )
    whole = (
      'batch_size',
      'num_sgd_steps_per_step',
      'min_replay_size',
      'max_replay_size',
      'prefetch_size',
      'variable_update_period',
    )
    for name in whole:
      value = getattr(self, name)
      if not isinstance(value, int) or value < 1:
        raise ValueError(
          f'{name} must be a whole number of at least 1, but is {value!r}.'
        )
    if not all(size >= 1 for size in self.value_hidden_sizes):
      raise ValueError(
        'value_hidden_sizes must be positive, but is '
        f'{self.value_hidden_sizes}.'
      )
    if not 0 <= self.discount < 1:
      raise ValueError(f'discount must be in [0, 1), but is {self.discount!r}.')
    if not self.replay_table_name:
      raise ValueError('replay_table_name must not be empty.')
    self._check_dual()
    self._check_replay()

  def _check_dual(self) -> None:
    if not isinstance(self.temperature, temperature_lib.DualTemperature):
      return
    if self.temperature.epsilon >= math.log(self.batch_size):
      raise ValueError(
        'the dual has a solution only for epsilon < log(batch_size) = '
        f'{math.log(self.batch_size):.3f}, but epsilon is '
        f'{self.temperature.epsilon}. Lower epsilon or raise batch_size '
        f'({self.batch_size}).'
      )

  def _check_replay(self) -> None:
    if self.min_replay_size > self.max_replay_size:
      raise ValueError(
        f'min_replay_size ({self.min_replay_size}) is above max_replay_size '
        f'({self.max_replay_size}): replay would never hold enough to sample, '
        'and learning would never start.'
      )
    # The limiter stops actors once they are `error_buffer` samples ahead, and
    # the learner once it is as far ahead of them. If the whole way between
    # does not hold a learner call and those prefetched, each waits for the
    # other at every call; in one thread that is a deadlock.
    needed = (1 + self.prefetch_size) * self.samples_per_step
    if 2 * self.error_buffer < needed:
      raise ValueError(
        'the replay limiter would starve or deadlock: it lets the ratio drift '
        'by 2 * samples_per_insert_tolerance * min_replay_size * '
        f'samples_per_insert = {2 * self.error_buffer:g} samples, but one '
        'learner call and those prefetched take (1 + prefetch_size) * '
        f'batch_size * num_sgd_steps_per_step = {needed} samples. Raise '
        'min_replay_size, samples_per_insert_tolerance or samples_per_insert, '
        'or lower num_sgd_steps_per_step or prefetch_size.'
      )
    # Reverb refuses a window that a single insert would overrun.
    if self.error_buffer < max(1.0, self.samples_per_insert):
      raise ValueError(
        'the replay limiter needs samples_per_insert_tolerance * '
        f'min_replay_size * samples_per_insert = {self.error_buffer:g} to be '
        f'at least max(1, samples_per_insert) = '
        f'{max(1.0, self.samples_per_insert):g}. Raise '
        'samples_per_insert_tolerance or min_replay_size.'
      )
