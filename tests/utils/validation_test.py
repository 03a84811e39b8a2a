"""What options check of themselves."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class _Options:
  value: Any


@pytest.mark.parametrize(
  ('check', 'good', 'bad'),
  [
    (validation.check_positive, (1e-30, 1, 1e8), (0, -1, 1e-31, 1e9)),
    (validation.check_not_negative, (0, 1e-30, 1e8), (-1, 1e-31, 1e9)),
    (validation.check_finite, (-1e8, 0, 1e8), (-1e9, 1e9)),
    (validation.check_whole, (1, 2**31), (0, 1.0, -1)),
    (validation.check_period, (1, 2**31 - 1), (0, 2**31)),
    (validation.check_rate, (1e-30, 1), (0, 1e-31, 1.1)),
    (validation.check_sizes, ((), (1, 64)), ((0,), (64.0,))),
  ],
)
def test_the_ends_of_a_range_are_taken_and_what_is_beyond_is_not(
  check, good, bad
):
  for value in good:
    check(_Options(value), 'value')
  for value in bad:
    with pytest.raises(ValueError, match=r'^value must be '):
      check(_Options(value), 'value')


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value):
  for check in (
    validation.check_positive,
    validation.check_not_negative,
    validation.check_finite,
    validation.check_rate,
  ):
    with pytest.raises(ValueError, match=r'^value must be '):
      check(_Options(value), 'value')


def test_numbers_of_numpy_become_python_s_also_within():
  options = _Options(_Options((np.int64(64), np.float32(0.5))))
  validation.make_plain(options)
  assert options.value.value == (64, 0.5)
  assert [type(x) for x in options.value.value] == [int, float]
