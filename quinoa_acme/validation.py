"""Checks that options make of themselves: what is wrong, and what was wanted.

Each takes the dataclass and the names of its fields, and raises a `ValueError`
that names the field and its value.
"""

import math
from typing import Any


def check_positive(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not positive and finite."""
  for name in names:
    value = getattr(options, name)
    if not 0 < value < math.inf:
      raise ValueError(f'{name} must be positive and finite, but is {value!r}.')


def check_not_negative(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is negative or not finite."""
  for name in names:
    value = getattr(options, name)
    if not 0 <= value < math.inf:
      raise ValueError(f'{name} must be finite and >= 0, but is {value!r}.')


def check_whole(options: Any, *names: str, least: int = 1) -> None:
  """Raises a ValueError if a field is not a whole number >= `least`."""
  for name in names:
    value = getattr(options, name)
    if not isinstance(value, int) or value < least:
      raise ValueError(
        f'{name} must be a whole number of at least {least}, but is {value!r}.'
      )


def check_sizes(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not a tuple of sizes of layers."""
  for name in names:
    value = getattr(options, name)
    if not all(isinstance(size, int) and size >= 1 for size in value):
      raise ValueError(
        f'{name} must be whole numbers of at least 1, but is {value!r}.'
      )
