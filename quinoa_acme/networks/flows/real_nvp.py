"""A conditional RealNVP over an action box.

Dinh, Sohl-Dickstein and Bengio, 'Density estimation using Real NVP', 2016
(arXiv 1605.08803), conditioned on the observation as section 3 of the Quinoa
paper has it: 'we concatenate s to the input of every neural network inside
the Real NVP'.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import norms
from quinoa_acme.networks.flows import bijectors
from quinoa_acme.networks.flows import flow
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.utils import validation


@flow_registry.register
@dataclasses.dataclass(frozen=True)
class RealNVPConfig(flow.CouplingsConfig, flow.ModuleConfig):
  """The shape of a conditional RealNVP.

  Attributes:
    num_couplings: see `flow.CouplingsConfig`.
    hidden_sizes: see `flow.CouplingsConfig`.
    norm: see `flow.CouplingsConfig`.
    max_shift: bound on the shift of one coupling, in logits, up to 100.
    min_log_scale: lower bound on the log-scale of one coupling, from -10.
    max_log_scale: upper bound on the log-scale of one coupling, up to 10.
  """

  norm: norms.Norm = norms.WeightNorm()
  max_shift: float = 3.0
  min_log_scale: float = -2.0
  max_log_scale: float = 0.4

  def __post_init__(self):
    super().__post_init__()
    validation.check_positive(self, 'max_shift')
    # In float32 a logit of 17 is already the end of the box.
    validation.check_within(self, 0.0, 100.0, 'max_shift')
    if not (-np.inf < self.min_log_scale < 0 < self.max_log_scale < np.inf):
      raise ValueError(
        'log-scales need finite bounds with min_log_scale < 0 < '
        f'max_log_scale, but got [{self.min_log_scale}, {self.max_log_scale}].'
      )
    validation.check_within(self, -10.0, -1e-30, 'min_log_scale')
    validation.check_within(self, 1e-30, 10.0, 'max_log_scale')

  def make_module(self, box: box_lib.Box) -> 'ConditionalRealNVP':
    """Makes the module, inside a Haiku transform."""
    return ConditionalRealNVP(box, self)


class BoxFlow(flow.Flow):
  """A flow's density over the actions of a box, from a logistic base.

  The base is the standard logistic in logits, and the squashing the sigmoid:
  see `box.py`. With `f` the couplings, `z0` the base's sample and `z = f(z0)`:

    log pi(a) = sum_i [l(z0_i) - l(z_i)] - log |det df/dz0| - log(volume)

  where `l` is the logistic log-density, which is also the sigmoid's
  log-derivative. For the identity, `z = z0`, the sum is exactly zero and the
  density exactly uniform, in floating point too.
  """

  @property
  def _centre(self) -> float:
    return 0.0

  def _sample_base(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.logistic(key, shape)

  def _to_action(self, point: jax.Array) -> jax.Array:
    return self._box.to_action(point)

  def _from_action(self, action: jax.Array) -> jax.Array:
    return self._box.to_logit(action)

  def _log_prob(
    self, base: jax.Array, point: jax.Array, inverse_log_det: jax.Array
  ) -> jax.Array:
    change = box_lib.logistic_log_prob(base) - box_lib.logistic_log_prob(point)
    return jnp.sum(change, -1) + inverse_log_det - self._box.log_volume


class ConditionalRealNVP(flow.ConditionalCouplings[RealNVPConfig]):
  """Maps a batch of observations to a `BoxFlow` over actions.

  Each affine coupling moves its dimensions by a bounded shift and log-scale.
  The conditioners' outputs start at zero, so every coupling starts as the
  identity and the policy as uniform.

  Examples:
    >>> import haiku as hk
    >>> box = box_lib.Box(np.zeros(2), np.full(2, 4.0), shape=(2,))
    >>> small = RealNVPConfig(num_couplings=2, hidden_sizes=(8,))
    >>> def log_prob(state, action):
    ...   density = ConditionalRealNVP(box, small)(state)
    ...   assert isinstance(density, BoxFlow)
    ...   return jnp.exp(density.log_prob(action))
    >>> policy = hk.transform(log_prob)
    >>> state, action = jnp.ones((1, 3)), jnp.ones((1, 2))
    >>> params = policy.init(jax.random.PRNGKey(0), state, action)
    >>> policy.apply(params, None, state, action)
    Array([0.0625], dtype=float32)
  """

  NAME = 'real_nvp'

  @property
  def _num_parameters(self) -> int:
    return 2

  def _prepare(self, kept: jax.Array) -> jax.Array:
    return flow.from_logit(kept)

  def _make_bijector(
    self, raw: jax.Array, temperature: jax.Array | float
  ) -> bijectors.ScalarAffine:
    del temperature
    config = self._config
    shift, log_scale = jnp.split(raw, 2, axis=-1)
    return bijectors.ScalarAffine(
      shift=flow.bounded(shift, -config.max_shift, config.max_shift),
      log_scale=flow.bounded(
        log_scale, config.min_log_scale, config.max_log_scale
      ),
    )

  def _make_density(self, chain: bijectors.Chain, batch: int) -> BoxFlow:
    return BoxFlow(chain, self._box, batch)
