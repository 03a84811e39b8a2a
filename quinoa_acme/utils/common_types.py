"""Types for the arguments of the pure functions.

`acme.jax.networks` has most of them. But Acme imports Launchpad, and its JAX
parts import Reverb and TensorFlow, which only training needs. Code that acts
with a trained policy uses these types instead.
"""

from typing import Any, Protocol

import jax

# An array, or a nest of arrays.
Params = Any
Observation = Any
NestedArray = Any
PRNGKey = jax.Array


class EnvironmentSpec(Protocol):
  """The interface of an environment, as in `acme.specs.EnvironmentSpec`.

  Each part is one of dm_env's array specs, or a nest of them.
  """

  @property
  def observations(self) -> Any:
    """The agent's observations."""
    ...

  @property
  def actions(self) -> Any:
    """The agent's actions."""
    ...

  @property
  def rewards(self) -> Any:
    """The rewards."""
    ...

  @property
  def discounts(self) -> Any:
    """The discounts."""
    ...
