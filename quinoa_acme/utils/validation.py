"""Checks that options make of themselves: what is wrong, and what was wanted.

Each takes the dataclass and the names of its fields, and raises a `ValueError`
that names the field and its value. Numbers of NumPy's serve as Python's, and
become them.
"""

import dataclasses
import math
from typing import Any

import numpy as np

# Networks compute in float32, up to 3e38. A loss squares a number, and the norm
# of the gradient squares it again. No clock waits for longer than 1e9 seconds.
_LEAST = 1e-30
_GREATEST = 1e8
# A counter of steps is an int32.
_GREATEST_COUNT = 2**31 - 1


def make_plain(options: Any, *but: str) -> None:
  """Makes NumPy's numbers Python's own, in options and in options of theirs.

  Args:
    options: a dataclass; a frozen one too, for it stays equal to what it was.
    *but: fields that are left as they are.
  """
  for field in dataclasses.fields(options):
    if field.name in but:
      continue
    value = _take(options, field.name)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
      make_plain(value)


def _take(options: Any, name: str) -> Any:
  """A field's value, once any number of NumPy's in it is Python's."""
  value = _plain(getattr(options, name))
  object.__setattr__(options, name, value)
  return value


def _plain(value: Any) -> Any:
  if isinstance(value, np.generic):
    return value.item()
  if type(value) is tuple:
    return tuple(map(_plain, value))
  return value


def check_positive(
  options: Any, *names: str, greatest: float = _GREATEST
) -> None:
  """Raises a ValueError if a field is not in [1e-30, greatest]."""
  for name in names:
    value = _take(options, name)
    if not 0 < value < math.inf:
      raise ValueError(f'{name} must be positive and finite, but is {value!r}.')
  check_within(options, _LEAST, greatest, *names)


def check_not_negative(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is neither 0 nor in [1e-30, 1e8]."""
  for name in names:
    value = _take(options, name)
    if not 0 <= value < math.inf:
      raise ValueError(f'{name} must be finite and >= 0, but is {value!r}.')
    if value:
      check_within(options, _LEAST, _GREATEST, name)


def check_finite(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not in [-1e8, 1e8]."""
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
    value = _take(options, name)
    if not isinstance(value, int) or value < least:
      raise ValueError(
        f'{name} must be a whole number of at least {least}, but is {value!r}.'
      )


def check_period(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not a number of steps in [1, 2**31)."""
  check_whole(options, *names)
  for name in names:
    value = getattr(options, name)
    if value > _GREATEST_COUNT:
      raise ValueError(f'{name} must be below 2**31, but is {value!r}.')


def check_rate(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not in [1e-30, 1]."""
  for name in names:
    value = _take(options, name)
    if not 0 < value <= 1:
      raise ValueError(f'{name} must be in (0, 1], but is {value!r}.')
  check_within(options, _LEAST, 1.0, *names)


def check_sizes(options: Any, *names: str) -> None:
  """Raises a ValueError if a field is not a tuple of sizes of layers."""
  for name in names:
    value = _take(options, name)
    if not all(isinstance(size, int) and size >= 1 for size in value):
      raise ValueError(
        f'{name} must be whole numbers of at least 1, but is {value!r}.'
      )
