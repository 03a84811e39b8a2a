"""Tests of finding the modes of a density on a grid."""

import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from experiments.lib import modes

_X = np.linspace(-1.0, 1.0, 41)
_AREAS = np.full((41, 41), 0.05**2)
_GRIDS = hnp.arrays(
  float,
  hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7),
  elements=st.floats(-50, 50).map(lambda x: round(x, 1)),
)


def _mixture(*parts, width=0.2):
  """log of a mixture of round Gaussians: (weight, x, y) each."""
  density = sum(
    weight
    * np.exp(
      -((_X[:, None] - x) ** 2 + (_X[None, :] - y) ** 2) / (2 * width**2)
    )
    for weight, x, y in parts
  )
  return np.log(density)


def test_the_modes_of_a_mixture_are_found_with_their_shares():
  log_density = _mixture((3, -0.6, -0.6), (2, 0.6, 0.6), (1, 0.6, -0.6))
  found = modes.find_modes(log_density, _AREAS)
  assert [x.place for x in found] == [(8, 8), (32, 32), (32, 8)]
  # A little of each part lies beyond the passes.
  for mode, share in zip(found, (3 / 6, 2 / 6, 1 / 6), strict=True):
    assert mode.mass == pytest.approx(share, abs=0.02)
  assert found[0].prominence == math.inf
  assert modes.falls(found)[0] == 0.0
  assert min(modes.falls(found)[1:]) > 1.0
  assert modes.multimodality(found) == pytest.approx(0.5, abs=0.1)


def test_a_mode_that_hardly_stands_out_belongs_to_its_neighbour():
  log_density = _mixture((3, -0.25, 0.0), (2, 0.25, 0.0))
  (main,) = modes.find_modes(log_density, _AREAS, min_prominence=0.5)
  assert main.mass == pytest.approx(1.0)
  assert modes.multimodality([main]) == 0.0
  both = modes.find_modes(log_density, _AREAS, min_prominence=1e-3)
  assert len(both) == 2
  # A shallow valley parts little.
  assert 0.0 < modes.multimodality(both) < 0.1
  # On the straight way the pass is the least value between the two.
  between = log_density[both[0].place[0] : both[1].place[0], 20]
  assert both[1].prominence == pytest.approx(
    both[1].log_density - between.min(), abs=1e-6
  )


def test_a_bent_ridge_is_one_mode_although_the_straight_way_falls():
  angle = np.linspace(0, math.pi, 60)
  log_density = _mixture(
    *((1, 0.7 * np.cos(x), 0.7 * np.sin(x)) for x in angle), width=0.1
  )
  assert len(modes.find_modes(log_density, _AREAS)) == 1


def test_corners_may_be_modes():
  log_density = 6.0 * _X[:, None] * _X[None, :]
  found = modes.find_modes(log_density, _AREAS)
  assert {x.place for x in found} == {(0, 0), (40, 40)}
  assert [x.mass for x in found] == pytest.approx([0.5, 0.5], abs=0.02)


def test_points_weigh_by_their_area():
  log_density = np.array([[0.0, -9.0, 0.0]])
  found = modes.find_modes(log_density, np.array([[1.0, 1.0, 3.0]]))
  assert [x.mass for x in found] == pytest.approx([3 / 4, 1 / 4], abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(_GRIDS, st.floats(0.05, 5.0))
def test_modes_share_all_the_mass_and_stand_out(log_density, least):
  found = modes.find_modes(
    log_density, np.ones_like(log_density), min_prominence=least
  )
  assert sum(x.mass for x in found) == pytest.approx(1.0)
  assert all(x.prominence >= least for x in found)
  assert max(x.log_density for x in found) == log_density.max()
  most = 1.0 - 1.0 / len(found)
  assert 0.0 <= modes.multimodality(found) <= most + 1e-9


def test_values_without_any_mass_are_no_mode():
  log_density = np.array([[0.0, -np.inf, -np.inf]])
  (mode,) = modes.find_modes(log_density, np.ones((1, 3)))
  assert mode.mass == 1.0


@pytest.mark.parametrize(
  ('values', 'areas', 'message'),
  [
    (np.zeros((2, 2)), np.ones((2, 3)), r'of \(2, 2\) and \(2, 3\)'),
    (np.zeros(4), np.ones(4), r'of one shape \[rows, columns\]'),
    (np.full((2, 2), np.nan), np.ones((2, 2)), 'must be numbers'),
    (np.full((2, 2), -np.inf), np.ones((2, 2)), 'must be numbers'),
  ],
)
def test_what_is_no_density_is_refused(values, areas, message):
  with pytest.raises(ValueError, match=message):
    modes.find_modes(values, areas)
