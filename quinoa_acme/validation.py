"""Checks that options make of themselves: what is wrong, and what was wanted.

Each takes the dataclass and the names of its fields, and raises a `ValueError`
that names the field and its value.
"""

import math
from typing import Any

# Within them there is room for what float32, in which networks compute, makes
# of a number: its square may be zero or infinite, but not its share of another.
_LEAST = 1e-30
_GREATEST = 1e30


def check_positive(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not positive and finite in float32."""
  for name in names:
    value = getattr(options, name)
    if not 0 < value < math.inf:
      raise ValueError(f'{name} must be positive and finite, but is {value!r}.')
  check_within(options, _LEAST, _GREATEST, *names)


def check_not_negative(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is negative or not finite in float32."""
  for name in names:
    value = getattr(options, name)
    if not 0 <= value < math.inf:
      raise ValueError(f'{name} must be finite and >= 0, but is {value!r}.')
    if value:
      check_within(options, _LEAST, _GREATEST, name)


def check_finite(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not finite in float32."""
  check_within(options, -_GREATEST, _GREATEST, *names)


def check_within(
  options: Any, least: float, greatest: float, *names: str
) -> None:
  """Raises a ValueError if a field is not in [least, greatest]."""
  for name in names:
    value = getattr(options, name)
    if not least <= value <= greatest:
      raise ValueError(
        f'{name} must be in [{least:g}, {greatest:g}], but is {value!r}.'
      )


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
