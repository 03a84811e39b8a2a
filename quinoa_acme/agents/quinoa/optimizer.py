"""Adam with gradient clipping, for each part of Quinoa (section 4)."""

from typing import NamedTuple

import jax
import optax

from quinoa_acme.agents.common import updates as updates_lib
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.networks.flows import energy
from quinoa_acme.utils import common_types as types


class Params(NamedTuple):
  """The parameters: theta and phi of the paper, and those of the critics.

  `critics` holds the parameters of all critics in one tree, whose leaves have a
  leading dimension C. It is empty if there are no critics.
  """

  policy: types.Params
  value: types.Params
  critics: types.Params


def make_optimizer(
  config: config_lib.QuinoaConfig,
) -> optax.GradientTransformation:
  """Adam after clipping the gradient by its global norm (section 4).

  Critics have their own norm and learning rate.
  """

  def clipped_adam(learning_rate: float) -> optax.GradientTransformation:
    # On one flat vector: dozens of small kernels take twice as long on a CPU.
    return optax.flatten(
      optax.chain(
        updates_lib.clip_by_norm(config.max_gradient_norm),
        optax.adam(learning_rate),
      )
    )

  quinoa = clipped_adam(config.learning_rate)
  factor = 1.0
  if isinstance(config.flow, energy.EnergyFlowConfig):
    factor = energy.learning_rate_factor(config.flow.couplings)
  if factor != 1.0:
    quinoa = optax.chain(quinoa, _slow_couplings(factor))
  if isinstance(config.fit, fit_lib.DirectFit):
    return quinoa
  return optax.multi_transform(
    {'quinoa': quinoa, 'critics': clipped_adam(config.fit.learning_rate)},
    Params('quinoa', 'quinoa', critics='critics'),  # pyright: ignore[reportArgumentType]  Labels in the place of parameters.
  )


def _slow_couplings(factor: float) -> optax.GradientTransformation:
  """Scales the updates of the couplings of an energy flow."""

  def scale(path, update):
    # Of a Haiku tree, in the tree of all parameters: the module, by its path.
    names = [key.key for key in path if isinstance(key, jax.tree_util.DictKey)]
    is_slow = any(energy.is_of_couplings(str(name)) for name in names)
    return factor * update if is_slow else update

  def slow_down(updates, params):
    del params
    return jax.tree_util.tree_map_with_path(scale, updates)

  return optax.stateless(slow_down)
