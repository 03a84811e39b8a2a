"""A flow that is a soft policy by construction, and knows its own soft value.

Its base is the soft policy of a Q-function that is linear in the action. With
actions in the unit box, and two end values f_i0(s) and f_i1(s) per dimension,

    Q(s, a) = b(s) + sum_i [(1 - a_i) f_i0(s) + a_i f_i1(s)]
    pi(a|s) = exp(Q(s, a) / alpha) / Z(s)
    V(s)    = alpha log Z(s)

the density is a truncated exponential in each dimension, and V is known in
closed form. Q = V + alpha log pi, equation 2 of the Quinoa paper for a uniform
prior, holds for any output of the network, and V and the density cannot be
traded against each other. Each dimension has two end values instead of an
offset and a slope: Adam then moves the slope more slowly than the offset, and
learning is sounder.

Couplings between base and action let the density correlate dimensions. They are
mild and lie next to the action, while the sharp part, the base, lies behind
them. So their networks see a replayed action as it is, not squeezed by a steep
map. The density stays normalised, V stays the base's, and Q = V + alpha log pi
gains alpha times their log-determinant. This is not in the Quinoa paper. See
docs/decisions/0038-linear-energy.md.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from quinoa_acme.networks import box as box_lib
from quinoa_acme.networks import mlp
from quinoa_acme.networks import norms
from quinoa_acme.networks.flows import bijectors as bijectors_lib
from quinoa_acme.networks.flows import flow
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.networks.flows import tilted
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class NoCouplings:
  """The base alone: Q is linear in the action.

  Examples:
    >>> learning_rate_factor(NoCouplings())
    1.0
  """


@dataclasses.dataclass(frozen=True)
class TiltCouplings(flow.CouplingsConfig):
  """Couplings that tilt each dimension by a truncated exponential.

  Attributes:
    num_couplings: see `flow.CouplingsConfig`.
    hidden_sizes: see `flow.CouplingsConfig`.
    norm: see `flow.CouplingsConfig`.
    max_tilt: bound on how much one coupling may change the log-density across
      the box in one dimension, up to a million.
    learning_rate_factor: ratio of the couplings' learning rate to the base's,
      up to 100.

  Examples:
    >>> learning_rate_factor(TiltCouplings())
    0.1
  """

  num_couplings: int = 2
  hidden_sizes: tuple[int, ...] = (64,)
  norm: norms.Norm = norms.LayerNorm()
  max_tilt: float = 1.0
  learning_rate_factor: float = 0.1

  def __post_init__(self):
    super().__post_init__()
    validation.check_positive(self, 'max_tilt', 'learning_rate_factor')
    validation.check_within(self, 1e-6, 1e6, 'max_tilt')
    validation.check_within(self, 0.0, 100.0, 'learning_rate_factor')


@dataclasses.dataclass(frozen=True)
class AffineCouplings(flow.CouplingsConfig):
  """Affine couplings of logits, as in RealNVP.

  Attributes:
    num_couplings: see `flow.CouplingsConfig`.
    hidden_sizes: see `flow.CouplingsConfig`.
    norm: see `flow.CouplingsConfig`.
    max_shift: bound on the shift of one coupling, in logits, up to 100.
    max_log_scale: bound on the log-scale of one coupling, up to 10.
    learning_rate_factor: ratio of the couplings' learning rate to the base's,
      up to 100.

  Examples:
    >>> learning_rate_factor(AffineCouplings(learning_rate_factor=0.5))
    0.5
  """

  num_couplings: int = 2
  hidden_sizes: tuple[int, ...] = (64,)
  norm: norms.Norm = norms.LayerNorm()
  max_shift: float = 1.0
  max_log_scale: float = 0.7
  learning_rate_factor: float = 0.1

  def __post_init__(self):
    super().__post_init__()
    validation.check_positive(
      self, 'max_shift', 'max_log_scale', 'learning_rate_factor'
    )
    validation.check_within(self, 0.0, 100.0, 'max_shift')
    validation.check_within(self, 0.0, 10.0, 'max_log_scale')
    validation.check_within(self, 0.0, 100.0, 'learning_rate_factor')


Couplings = NoCouplings | TiltCouplings | AffineCouplings


@flow_registry.register
@dataclasses.dataclass(frozen=True)
class EnergyFlowConfig(flow.ModuleConfig):
  """The shape of a conditional energy flow.

  Attributes:
    hidden_sizes: width of each hidden layer of the trunk that the end values
      and V share.
    norm: normalisation of these layers.
    couplings: the couplings between the base and the action.
    max_tilt: bound on |f_i1 - f_i0| / alpha, the change of the base's
      log-density across the box in one dimension, up to a million. Far above
      the values that the temperature permits, it has no effect.
  """

  hidden_sizes: tuple[int, ...] = (128, 128)
  norm: norms.Norm = norms.LayerNorm()
  couplings: Couplings = NoCouplings()
  max_tilt: float = 1e4

  def __post_init__(self):
    validation.check_sizes(self, 'hidden_sizes')
    validation.check_positive(self, 'max_tilt')
    validation.check_within(self, 1e-6, 1e6, 'max_tilt')

  def make_module(self, box: box_lib.Box) -> 'ConditionalEnergyFlow':
    """Makes the module, inside a Haiku transform."""
    return ConditionalEnergyFlow(box, self)

  def make(self, box: box_lib.Box) -> flow_registry.ConditionalFlow:
    """Makes the flow over the points of a box, with its V."""
    return flow.make_pure(lambda: self.make_module(box), gives_value=True)


def learning_rate_factor(couplings: Couplings) -> float:
  """The ratio of the couplings' learning rate to the base's."""
  if isinstance(couplings, NoCouplings):
    return 1.0
  return couplings.learning_rate_factor


def is_of_couplings(module: str) -> bool:
  """Whether a Haiku module of this flow, given by path, is in a coupling."""
  return '/coupling_' in module


class EnergyFlow(tilted.TiltedFlow):
  """The density of an energy flow over the actions of a box, and its V."""

  def __init__(
    self,
    chain: bijectors_lib.Chain,
    box: box_lib.Box,
    soft_value: jax.Array,
  ):
    """Makes the distribution.

    Args:
      chain: maps the uniform density on the unit box to that of the actions.
      box: the actions' box.
      soft_value: V(s), [B].
    """
    super().__init__(chain, box, soft_value.shape[0])
    self._soft_value = soft_value

  @property
  def soft_value(self) -> jax.Array:
    """V(s), in units of reward, [B]."""
    return self._soft_value


class LogitEnergyFlow(EnergyFlow):
  """An energy flow whose chain ends in logits, as with affine couplings.

  The points stay logits until they become actions, so the density of a sample
  is exact however close to a face it lies.
  """

  def _to_action(self, point: jax.Array) -> jax.Array:
    return self._box.to_action(point)

  def _from_action(self, action: jax.Array) -> jax.Array:
    return self._box.to_logit(action)

  def _log_prob(
    self, base: jax.Array, point: jax.Array, inverse_log_det: jax.Array
  ) -> jax.Array:
    log_slope = jnp.sum(box_lib.logistic_log_prob(point), -1)
    return super()._log_prob(base, point, inverse_log_det - log_slope)


class ConditionalEnergyFlow(flow.ConditionalModule[EnergyFlowConfig]):
  """Maps a batch of observations to an `EnergyFlow` over actions.

  The outputs start at zero: V is zero and the policy uniform.

  Examples:
    >>> import haiku as hk
    >>> import numpy as np
    >>> box = box_lib.Box(np.zeros(2), np.full(2, 4.0), shape=(2,))
    >>> small = EnergyFlowConfig(hidden_sizes=(8,), couplings=TiltCouplings())
    >>> def functions(state, action):
    ...   density = ConditionalEnergyFlow(box, small)(state, 0.1)
    ...   assert isinstance(density, EnergyFlow)
    ...   return jnp.exp(density.log_prob(action)), density.soft_value
    >>> policy = hk.transform(functions)
    >>> state, action = jnp.ones((1, 3)), jnp.ones((1, 2))
    >>> params = policy.init(jax.random.PRNGKey(0), state, action)
    >>> density, value = policy.apply(params, None, state, action)
    >>> density.tolist(), value.tolist()
    ([0.0625], [0.0])
  """

  NAME = 'energy_flow'

  def __call__(
    self, observation: Any, temperature: jax.Array | float = 1.0
  ) -> EnergyFlow:
    """Conditions the flow; see `flow.ConditionalModule`."""
    config = self._config
    layer = norms.layer_of(config.norm)
    num_dimensions = self._box.num_dimensions
    features = mlp.Trunk(config.hidden_sizes, layer=layer, name='trunk')(
      mlp.flatten_observation(observation)
    )
    head = layer(2 * num_dimensions + 1, zero_init=True, name='head')
    low, high, rest = jnp.split(
      head(features), [num_dimensions, 2 * num_dimensions], axis=-1
    )
    tilt = flow.bounded(
      (high - low) / temperature, -config.max_tilt, config.max_tilt
    )
    ends = low + temperature * tilted.log_normaliser(tilt)
    soft_value = jnp.squeeze(rest, -1) + jnp.sum(ends, -1)
    chain: list[bijectors_lib.Bijector] = [
      bijectors_lib.Elementwise(tilted.Tilt(tilt))
    ]
    make_couplings = functools.partial(
      flow.make_couplings, num_dimensions, features=features
    )
    kind = EnergyFlow
    match config.couplings:
      case NoCouplings():
        pass
      case TiltCouplings() as couplings:
        chain.append(
          make_couplings(
            couplings,
            prepare=flow.from_unit,
            make_bijector=functools.partial(_make_tilt, couplings),
            num_parameters=1,
          )
        )
      case AffineCouplings() as couplings:
        kind = LogitEnergyFlow
        chain.append(bijectors_lib.Elementwise(bijectors_lib.Logit()))
        chain.append(
          make_couplings(
            couplings,
            prepare=flow.from_logit,
            make_bijector=functools.partial(_make_affine, couplings),
            num_parameters=2,
          )
        )
    return kind(bijectors_lib.Chain(chain), self._box, soft_value)


def _make_tilt(config: TiltCouplings, raw: jax.Array) -> tilted.Tilt:
  return tilted.Tilt(flow.bounded(raw, -config.max_tilt, config.max_tilt))


def _make_affine(
  config: AffineCouplings, raw: jax.Array
) -> bijectors_lib.ScalarAffine:
  shift, log_scale = jnp.split(raw, 2, axis=-1)
  return bijectors_lib.ScalarAffine(
    shift=flow.bounded(shift, -config.max_shift, config.max_shift),
    log_scale=flow.bounded(
      log_scale, -config.max_log_scale, config.max_log_scale
    ),
  )
