"""Parameters on their way from a learner to who acts with them."""

from collections.abc import Sequence
from typing import Any

from acme import core
import jax


class OnCPU(core.VariableSource):
  """Another source's parameters, as arrays of JAX on the CPU.

  Acme's `VariableClient` can move them too, by `jax.device_put`. That looks at
  each array in Python, which takes several times as long as one compiled call,
  and an actor fetches them every few steps.
  """

  def __init__(self, source: core.VariableSource):
    """Wraps a source.

    Args:
      source: the learner, or a proxy of it.
    """
    self._source = source
    cpu = jax.local_devices(backend='cpu')[0]
    self._put = jax.jit(
      lambda variables: variables,
      out_shardings=jax.sharding.SingleDeviceSharding(cpu),
    )

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Returns the named parameters: trees of `jax.Array`, which are copies."""
    return self._put(jax.device_get(self._source.get_variables(names)))
