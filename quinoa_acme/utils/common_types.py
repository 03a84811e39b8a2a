"""Names for what the pure functions take.

`acme.jax.networks` has most of them. But with Acme comes Launchpad, and with
its JAX parts Reverb and TensorFlow, which only training needs: what acts with a
policy that was trained is written in these.
"""

from typing import Any, Protocol

import jax

# An array, or a nest of arrays.
Params = Any
Observation = Any
NestedArray = Any
PRNGKey = jax.Array


class EnvironmentSpec(Protocol):
  """What an environment takes and gives, as `acme.specs.EnvironmentSpec`.

  Each is an array spec of dm_env's, or a nest of them.
  """

  @property
  def observations(self) -> Any:
    """What the agent observes."""
    ...

  @property
  def actions(self) -> Any:
    """What the agent does."""
    ...

  @property
  def rewards(self) -> Any:
    """What it is paid."""
    ...

  @property
  def discounts(self) -> Any:
    """What of the future counts."""
    ...
