"""AdamW for Acme's SAC learner, which gives an optimiser only gradients."""

from typing import NamedTuple

import optax


class DecayState(NamedTuple):
  """The state of `adamw`.

  Attributes:
    adamw: the state of optax's.
    params: the parameters, as the learner has them.
  """

  adamw: optax.OptState
  params: optax.Params


def make_optimizer(
  learning_rate: float, weight_decay: float
) -> optax.GradientTransformation:
  """Adam, as in Acme's SAC; with a weight decay above 0, `adamw`."""
  if not weight_decay:
    return optax.adam(learning_rate)
  return adamw(learning_rate, weight_decay)


def adamw(
  learning_rate: float, weight_decay: float
) -> optax.GradientTransformation:
  """optax's AdamW, with its own copy of the parameters to decay.

  Loshchilov and Hutter, 'Decoupled Weight Decay Regularization', 2017 (arXiv
  1711.05101). Acme's learner calls `update(gradients, state)`. The copy follows
  by the same updates, so it stays equal to the learner's, bit for bit.

  Args:
    learning_rate: the step size; the decay is multiplied by it too.
    weight_decay: the share of each parameter that is taken off, >= 0.

  Returns:
    The optimiser.
  """
  optimizer = optax.adamw(learning_rate, weight_decay=weight_decay)

  def init(params):
    return DecayState(optimizer.init(params), params)

  def update(updates, state, params=None):
    del params
    updates, inner = optimizer.update(updates, state.adamw, state.params)
    return updates, DecayState(
      inner, optax.apply_updates(state.params, updates)
    )

  return optax.GradientTransformation(init, update)
