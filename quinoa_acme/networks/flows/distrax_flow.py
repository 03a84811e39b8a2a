"""A conditional flow as a distrax distribution.

This lets a flow be used like any distrax distribution and, by `distrax.to_tfp`,
like one of TensorFlow Probability on JAX. No agent needs it, so
`quinoa_acme.networks` imports this module, and distrax, only on the first use
of `as_distrax`.
"""

from typing import Any

import distrax
import jax

from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.utils.common_types import Observation
from quinoa_acme.utils.common_types import Params


class DistraxFlow(distrax.Distribution):
  """A batch of B densities over vectors of A numbers; see `as_distrax`."""

  def __init__(
    self,
    flow: flow_registry.ConditionalFlow,
    params: Params,
    observation: Observation,
    temperature: jax.Array | float,
  ):
    """Makes the distribution; `as_distrax` explains the arguments."""
    self._flow = flow
    self._params = params
    self._observation = observation
    self._temperature = temperature

  @property
  def event_shape(self) -> tuple[int, ...]:
    """Shape of one point, (A,)."""
    return self._shape()[2:]

  @property
  def batch_shape(self) -> tuple[int, ...]:
    """Shape of the batch, (B,)."""
    return self._shape()[1:2]

  def log_prob(self, value: Any) -> jax.Array:
    """Log-density of points, [..., B, A] to [..., B]."""
    return self._flow.log_prob(
      self._params, self._observation, value, self._temperature
    )

  def _sample_n(self, key: Any, n: int) -> jax.Array:
    return self._sample_n_and_log_prob(key, n)[0]

  def _sample_n_and_log_prob(
    self, key: Any, n: int
  ) -> tuple[jax.Array, jax.Array]:
    return self._flow.sample_and_log_prob(
      self._params, key, self._observation, n, self._temperature
    )

  def _shape(self) -> tuple[int, ...]:
    """The shape of one point of each density, (1, B, A)."""
    key = jax.random.PRNGKey(0)
    return jax.eval_shape(lambda: self._sample_n(key, 1)).shape


def as_distrax(
  flow: flow_registry.ConditionalFlow,
  params: Params,
  observation: Observation,
  temperature: jax.Array | float = 1.0,
) -> distrax.Distribution:
  """Makes a distrax distribution from a conditional flow and observations.

  Examples:
    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from quinoa_acme import networks
    >>> box = networks.Box(np.zeros(2), np.full(2, 4.0), shape=(2,))
    >>> flow = networks.TiltedFlowConfig(hidden_sizes=(8,)).make(box)
    >>> state, point = jnp.ones((5, 3)), jnp.ones((5, 2))
    >>> params = flow.init(jax.random.PRNGKey(0), state, point)
    >>> density = networks.as_distrax(flow, params, state)
    >>> density.batch_shape, density.event_shape
    ((5,), (2,))
    >>> density.prob(point)[0]
    Array(0.0625, dtype=float32)

  Args:
    flow: the result of `make` of a flow's options.
    params: the flow's parameters, from its `init`, trained or not.
    observation: a batch of B observations.
    temperature: alpha, scalar; used by a flow that models Q.

  Returns:
    A distribution of batch shape (B,) and event shape (A,). It is a pure
    function of the arguments, so it may be made inside a jitted function.
  """
  return DistraxFlow(flow, params, observation, temperature)
