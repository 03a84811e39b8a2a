"""The prior policy, from which the policy's KL divergence is measured."""

import dataclasses

import jax

from quinoa_acme.agents.common import averaging as averaging_lib


@dataclasses.dataclass(frozen=True)
class UniformPrior:
  """The uniform density on the action box: maximum-entropy learning.

  Examples:
    >>> prior: Prior = UniformPrior()
  """


@dataclasses.dataclass(frozen=True)
class LaggedPrior:
  """A lagged copy of the policy, optionally flattened towards uniform.

  The prior's log-density is `(1 - flatness) * log pi_slow + flatness *
  log uniform`, up to a constant per state, which V absorbs. With flatness 0
  this is line 8 of Algorithm 2. With more, the policy also keeps an entropy
  bonus that does not fade as the copy catches up, as in Munchausen RL
  (Vieillard et al., 2020).

  Attributes:
    averaging: how the copy follows the policy.
    flatness: weight of the uniform density, in [0, 1).

  Examples:
    >>> flatten(LaggedPrior(flatness=0.25), -4.0, uniform_log_prob=0.0)
    -3.0
  """

  averaging: averaging_lib.Averaging = averaging_lib.CopyEvery(1000)
  flatness: float = 0.0

  def __post_init__(self):
    if not 0 <= self.flatness < 1:
      raise ValueError(
        f'flatness must be in [0, 1), but is {self.flatness}; for a uniform '
        'prior use UniformPrior().'
      )


Prior = UniformPrior | LaggedPrior


def flatten(
  prior: LaggedPrior, slow_log_prob: jax.Array, uniform_log_prob: float
) -> jax.Array:
  """The prior's log-density, from that of its lagged copy.

  Args:
    prior: the prior.
    slow_log_prob: log-density of the actions under the lagged copy, [B].
    uniform_log_prob: log-density of the uniform policy.

  Returns:
    An array of shape [B].
  """
  if not prior.flatness:
    return slow_log_prob
  return (
    1 - prior.flatness
  ) * slow_log_prob + prior.flatness * uniform_log_prob
