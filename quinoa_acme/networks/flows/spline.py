"""A conditional flow of rational-quadratic splines on the box itself.

Durkan et al., 'Neural Spline Flows', 2019 (arXiv 1906.04032). As in the tilted
flow, the base is uniform on [0, 1] and the maps stay there, so nothing is
squashed or clipped. Here, though, one coupling can give a dimension several
modes. This is not in the Quinoa paper.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks.flows import bijectors
from quinoa_acme.networks.flows import flow
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.networks.flows import tilted
from quinoa_acme.utils import validation


@flow_registry.register
@dataclasses.dataclass(frozen=True)
class SplineFlowConfig(flow.CouplingsConfig, flow.ModuleConfig):
  """The shape of a conditional spline flow.

  Attributes:
    num_couplings: see `flow.CouplingsConfig`.
    hidden_sizes: see `flow.CouplingsConfig`.
    norm: see `flow.CouplingsConfig`.
    num_bins: number of pieces of each spline.
    max_log_slope: bound m on |log slope|, at the knots and averaged over each
      piece. In between, the slope lies in [exp(-3 m), 4 exp(m)]. In [0.01, 8].
  """

  num_bins: int = 8
  max_log_slope: float = 3.0

  def __post_init__(self):
    super().__post_init__()
    validation.check_whole(self, 'num_bins', least=2)
    validation.check_within(self, 0.01, 8.0, 'max_log_slope')

  def make_module(self, box: box_lib.Box) -> 'ConditionalSplineFlow':
    """Makes the module, inside a Haiku transform."""
    return ConditionalSplineFlow(box, self)


def make_spline(raw: jax.Array, config: SplineFlowConfig) -> bijectors.Bijector:
  """Makes an elementwise spline from [0, 1] onto itself.

  Args:
    raw: any numbers, [..., D * (3 * num_bins + 1)]; zeros give the identity.
    config: number of pieces, and bound on the slopes.

  Returns:
    An elementwise bijector of [..., D].
  """
  # Imported here; `bijectors.py` says why.
  import distrax

  num_bins = config.num_bins
  per_dimension = jnp.reshape(raw, (*raw.shape[:-1], -1, 3 * num_bins + 1))
  sizes, slopes = jnp.split(per_dimension, [2 * num_bins], axis=-1)
  # The softmax of logits within +-b has ratios within exp(+-2 b), and a piece's
  # slope is the ratio of two of them.
  max_size = config.max_log_slope / 4.0
  least = math.exp(-config.max_log_slope)
  # distrax's slope is softplus(raw + offset) + least, and 1 where raw is 0.
  offset = _inverse_softplus(1.0 - least)
  greatest = math.exp(config.max_log_slope) - least
  max_slope = _inverse_softplus(greatest) - offset
  params = jnp.concatenate(
    [
      flow.bounded(sizes, -max_size, max_size),
      flow.bounded(slopes, -max_slope, max_slope),
    ],
    axis=-1,
  )
  return distrax.RationalQuadraticSpline(
    params, range_min=0.0, range_max=1.0, min_knot_slope=least
  )


def _inverse_softplus(value: float) -> float:
  """log(exp(value) - 1), for values whose exponential may overflow."""
  return value + math.log(-math.expm1(-value))


class ConditionalSplineFlow(flow.ConditionalCouplings[SplineFlowConfig]):
  """Maps a batch of observations to a `tilted.TiltedFlow` over actions.

  That distribution is any chain of bijectors of the unit box on a uniform base.
  The conditioners' outputs start at zero, so the policy starts uniform, up to
  rounding.

  Examples:
    >>> import haiku as hk
    >>> import numpy as np
    >>> box = box_lib.Box(np.zeros(2), np.full(2, 4.0), shape=(2,))
    >>> small = SplineFlowConfig(num_couplings=2, hidden_sizes=(8,))
    >>> def log_prob(state, action):
    ...   density = ConditionalSplineFlow(box, small)(state)
    ...   return jnp.exp(density.log_prob(action))
    >>> policy = hk.transform(log_prob)
    >>> state, action = jnp.ones((1, 3)), jnp.ones((1, 2))
    >>> params = policy.init(jax.random.PRNGKey(0), state, action)
    >>> round(float(policy.apply(params, None, state, action)[0]), 4)
    0.0625
  """

  NAME = 'spline_flow'

  @property
  def _num_parameters(self) -> int:
    return 3 * self._config.num_bins + 1

  def _prepare(self, kept: jax.Array) -> jax.Array:
    return flow.from_unit(kept)

  def _make_bijector(
    self, raw: jax.Array, temperature: jax.Array | float
  ) -> bijectors.Bijector:
    del temperature
    return make_spline(raw, self._config)

  def _make_density(
    self, chain: bijectors.Chain, batch: int
  ) -> tilted.TiltedFlow:
    return tilted.TiltedFlow(chain, self._box, batch)
