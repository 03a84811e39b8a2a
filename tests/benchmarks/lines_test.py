"""Ratios of samples, and their intervals."""

import dataclasses
import math

import numpy as np
import pytest

from benchmarks import lines as lines_lib
from benchmarks import rows

_LINE = lines_lib.Line(
  'speed', 'what', 'ours', 'peer', 's', bar=0.5, reach=0.25
)


def _samples(ours, peer) -> lines_lib.Samples:
  return lines_lib.Samples(tuple(ours), tuple(peer))


def test_the_ratio_is_of_medians():
  found = lines_lib.ratio(_LINE, _samples([1.0, 2.0, 90.0], [4.0, 4.0, 1.0]))
  assert found.value == pytest.approx(0.5)
  assert found.low <= found.value <= found.high


def test_the_ratio_of_parts_is_of_totals():
  line = dataclasses.replace(_LINE, statistic='mean')
  found = lines_lib.ratio(line, _samples([1.0, 2.0, 3.0], [8.0, 8.0, 8.0]))
  assert found.value == pytest.approx(6 / 24)


def test_what_slows_both_is_in_no_interval():
  rng = np.random.default_rng(0)
  machine = rng.uniform(1.0, 10.0, 30)
  found = lines_lib.ratio(_LINE, _samples(machine, 2 * machine))
  assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_an_interval_covers_the_truth():
  rng = np.random.default_rng(0)
  covered = 0
  for _ in range(60):
    ours, peer = np.exp(0.2 * rng.normal(size=(2, 15)))
    found = lines_lib.ratio(_LINE, _samples(ours, 4 * peer))
    covered += found.low <= 0.25 <= found.high
  # Of 95 %; medians of few samples are coarse.
  assert covered >= 51


def test_one_sample_has_no_interval():
  found = lines_lib.ratio(_LINE, _samples([1.0], [2.0]))
  assert found.value == pytest.approx(0.5)
  assert math.isnan(found.low)
  assert math.isnan(found.high)


def test_without_a_peer_the_value_itself_is_judged():
  line = dataclasses.replace(_LINE, judged='ours')
  samples = _samples([1.0, 2.0, 3.0], [4.0, 4.0, 4.0])
  assert lines_lib.judged(line, samples).value == pytest.approx(2.0)
  assert lines_lib.judged(_LINE, samples).value == pytest.approx(0.5)


def test_goals():
  assert _LINE.meets(0.5, _LINE.bar)
  assert not _LINE.meets(0.51, _LINE.bar)
  higher = dataclasses.replace(_LINE, better='higher')
  assert higher.meets(0.51, higher.bar)
  assert not higher.meets(0.49, higher.bar)


@pytest.mark.parametrize(
  ('ours', 'peer', 'message'),
  [
    ([1.0], [1.0, 2.0], 'in pairs'),
    ([], [], 'in pairs'),
    ([1.0, 0.0], [1.0, 1.0], 'positive'),
    ([1.0, 1.0], [1.0, math.nan], 'finite'),
  ],
)
def test_bad_samples(ours, peer, message):
  with pytest.raises(ValueError, match=message):
    _samples(ours, peer)


def test_samples_survive_json():
  measured = {'a': _samples([1.0, 2.0], [3.0, 4.0])}
  assert lines_lib.from_plain(lines_lib.to_plain(measured)) == measured


def test_lines_have_names_of_their_own_and_goals_in_order():
  names = [line.name for line in rows.LINES]
  assert len(set(names)) == len(names)
  for line in rows.LINES:
    assert line.meets(line.reach, line.bar)
