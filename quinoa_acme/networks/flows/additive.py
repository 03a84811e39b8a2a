"""A conditional flow of additive couplings with a base of variable width.

Additive couplings preserve volume (NICE, Dinh et al., 2014, arXiv 1410.8516),
so only the base sets the density's scale. The observation sets the base's
width. MEow (Chao et al., 2024, arXiv 2405.13629) makes a soft Q-function from
such a flow. Here the base is logistic, not Gaussian, and squashed onto the box,
so the policy starts exactly uniform. This is not in the Quinoa paper.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import mlp
from quinoa_acme.networks import norms
from quinoa_acme.networks.flows import bijectors
from quinoa_acme.networks.flows import flow
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.networks.flows import real_nvp
from quinoa_acme.utils import validation


@flow_registry.register
@dataclasses.dataclass(frozen=True)
class AdditiveFlowConfig(flow.CouplingsConfig, flow.ModuleConfig):
  """The shape of a conditional additive flow.

  Attributes:
    num_couplings: see `flow.CouplingsConfig`.
    hidden_sizes: see `flow.CouplingsConfig`; also used for the network that
      gives the base's width.
    norm: see `flow.CouplingsConfig`.
    max_shift: bound on the shift of one coupling, in logits, up to 100.
    min_log_width: lower bound on the log of the base's width, from -10.
    max_log_width: upper bound on the log of the base's width, up to 10.
  """

  max_shift: float = 3.0
  min_log_width: float = -3.0
  max_log_width: float = 1.0

  def __post_init__(self):
    super().__post_init__()
    validation.check_positive(self, 'max_shift')
    # In float32 a logit of 17 is already the end of the box.
    validation.check_within(self, 0.0, 100.0, 'max_shift')
    if not (-np.inf < self.min_log_width < 0 < self.max_log_width < np.inf):
      raise ValueError(
        'log-widths need finite bounds with min_log_width < 0 < '
        f'max_log_width, but got [{self.min_log_width}, {self.max_log_width}].'
      )
    validation.check_within(self, -10.0, -1e-30, 'min_log_width')
    validation.check_within(self, 1e-30, 10.0, 'max_log_width')

  def make_module(self, box: box_lib.Box) -> 'ConditionalAdditiveFlow':
    """Makes the module, inside a Haiku transform."""
    return ConditionalAdditiveFlow(box, self)


class ConditionalAdditiveFlow(flow.ConditionalCouplings[AdditiveFlowConfig]):
  """Maps a batch of observations to a `real_nvp.BoxFlow` over actions.

  All networks' outputs start at zero: the base has width one, no coupling moves
  anything, and the policy is uniform.

  Examples:
    >>> import haiku as hk
    >>> box = box_lib.Box(np.zeros(2), np.full(2, 4.0), shape=(2,))
    >>> small = AdditiveFlowConfig(num_couplings=2, hidden_sizes=(8,))
    >>> def log_prob(state, action):
    ...   density = ConditionalAdditiveFlow(box, small)(state)
    ...   return jnp.exp(density.log_prob(action))
    >>> policy = hk.transform(log_prob)
    >>> state, action = jnp.ones((1, 3)), jnp.ones((1, 2))
    >>> params = policy.init(jax.random.PRNGKey(0), state, action)
    >>> policy.apply(params, None, state, action)
    Array([0.0625], dtype=float32)
  """

  NAME = 'additive_flow'

  def _prepare(self, kept: jax.Array) -> jax.Array:
    return flow.from_logit(kept)

  def _make_bijector(
    self, raw: jax.Array, temperature: jax.Array | float
  ) -> bijectors.ScalarAffine:
    del temperature
    max_shift = self._config.max_shift
    return bijectors.ScalarAffine(
      shift=flow.bounded(raw, -max_shift, max_shift),
      log_scale=jnp.zeros_like(raw),
    )

  def _complete(
    self, couplings: bijectors.Chain, features: jax.Array
  ) -> bijectors.Chain:
    """Scales the standard logistic in each dimension, given the state."""
    config = self._config
    network = mlp.MLP(
      config.hidden_sizes,
      self._box.num_dimensions,
      layer=norms.layer_of(config.norm),
      name='base',
    )
    log_width = flow.bounded(
      network(features), config.min_log_width, config.max_log_width
    )
    affine = bijectors.ScalarAffine(
      shift=jnp.zeros_like(log_width), log_scale=log_width
    )
    return bijectors.Chain([bijectors.Elementwise(affine), couplings])

  def _make_density(
    self, chain: bijectors.Chain, batch: int
  ) -> real_nvp.BoxFlow:
    return real_nvp.BoxFlow(chain, self._box, batch)
