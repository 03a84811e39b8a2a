"""The modes of a density on a grid: their positions, and their mass.

A peak counts as a mode if its density is several times that of the highest pass
on the way to a higher peak. That ratio is its prominence, the persistence of
the peak in the merge tree of the density's level sets. The mode's mass is
everything that climbs to the peak by steepest ascent. Peaks that do not count
belong to the mode across their pass.
"""

from collections.abc import Sequence
import dataclasses
import math

import numpy as np

# A lower rise above the surroundings may be estimation noise.
MIN_PROMINENCE = 0.1


@dataclasses.dataclass(frozen=True)
class Mode:
  """One mode of a density on a two-dimensional grid.

  Attributes:
    place: row and column of its peak.
    log_density: of the peak.
    prominence: how far the log-density falls, at least, on the way to a higher
      peak; infinite for the highest.
    mass: the share of all mass that climbs to the peak, in 0..1.
  """

  place: tuple[int, int]
  log_density: float
  prominence: float
  mass: float


def find_modes(
  log_density: np.ndarray,
  areas: np.ndarray,
  min_prominence: float = MIN_PROMINENCE,
) -> list[Mode]:
  """Finds the modes of a density on a grid.

  Args:
    log_density: logarithms of the density, floats of shape [rows, columns],
      finite or -inf.
    areas: the area of each point, positive, of the same shape.
    min_prominence: the least prominence of a mode, in nats.

  Returns:
    The modes, the heaviest first.

  Raises:
    ValueError: if the shapes differ, a value is NaN or infinite, or there is no
      mass at all.
  """
  if log_density.ndim != 2 or log_density.shape != areas.shape:
    raise ValueError(
      'log_density and areas must be of one shape [rows, columns], but are of '
      f'{log_density.shape} and {areas.shape}.'
    )
  if not (np.all(log_density < np.inf) and np.any(log_density > -np.inf)):
    raise ValueError(
      'log_density must be numbers, or -inf at some points, but has others.'
    )
  tree = _MergeTree(log_density, min_prominence)
  peak = np.max(log_density)
  mass = np.exp(log_density - peak) * areas
  mass /= mass.sum()
  held: dict[int, float] = {}
  for point, share in enumerate(mass.flat):
    mode = tree.mode_of(point)
    held[mode] = held.get(mode, 0.0) + float(share)
  columns = log_density.shape[1]
  modes = [
    Mode(
      place=divmod(point, columns),
      log_density=float(log_density.flat[point]),
      prominence=tree.prominence[point],
      mass=share,
    )
    for point, share in held.items()
  ]
  return sorted(modes, key=lambda mode: -mode.mass)


def falls(modes: Sequence[Mode]) -> list[float]:
  """The depth of the valley between each mode and the first.

  Args:
    modes: of one density, from `find_modes`.

  Returns:
    For each mode, the fall of the log-density from the lower of the two peaks,
    at least as the modes' prominences say; 0 for the first mode itself.
  """
  main = modes[0]
  return [
    0.0 if mode is main else min(mode.prominence, main.prominence)
    for mode in modes
  ]


def multimodality(modes: Sequence[Mode]) -> float:
  """How multimodal a density is: the mass outside its heaviest mode.

  Each other mode counts with its mass, times the share 1 - pass / peak by which
  the density falls between the two, so the measure does not jump when a valley
  fills up.

  Args:
    modes: of the density, from `find_modes`; at least one.

  Returns:
    0 with a single mode, near 1 - 1/n with n equal modes far apart.
  """
  return sum(
    mode.mass * -math.expm1(-fall)
    for mode, fall in zip(modes, falls(modes), strict=True)
  )


class _MergeTree:
  """The components of the sets above a level, as the level falls."""

  def __init__(self, log_density: np.ndarray, min_prominence: float):
    self._values = log_density.ravel()
    self._shape = log_density.shape
    self._min_prominence = min_prominence
    # For each point its component, through other points of it.
    self._component: dict[int, int] = {}
    # For each point the peak that steepest ascent reaches.
    self._peak: dict[int, int] = {}
    # For each peak that does not count, the peak to which it belongs.
    self._belongs: dict[int, int] = {}
    # For each peak that counts, its prominence.
    self.prominence: dict[int, float] = {}
    for point in np.argsort(-self._values, kind='stable'):
      self._add(int(point))

  def mode_of(self, point: int) -> int:
    """The peak of the mode to which a point belongs."""
    peak = self._peak[point]
    while peak in self._belongs:
      peak = self._belongs[peak]
    return peak

  def _add(self, point: int) -> None:
    """Lowers the level to a point."""
    around = [x for x in self._neighbours(point) if x in self._component]
    self._component[point] = point
    if not around:
      self._peak[point] = point
      self.prominence[point] = math.inf
      return
    around.sort(key=lambda x: -self._values[x])
    self._peak[point] = self._peak[around[0]]
    # The steepest way up in each component that meets here.
    ways: dict[int, int] = {}
    for x in around:
      ways.setdefault(self._root(x), x)
    # Components are named by their highest points.
    highest = max(ways, key=lambda root: (self._values[root], -root))
    across = self.mode_of(ways[highest])
    for root in ways:
      if root != highest:
        self._merge(root, across, float(self._values[point]))
        self._component[root] = highest
    self._component[point] = highest

  def _merge(self, root: int, across: int, level: float) -> None:
    """Decides whether a component is a mode, now that it meets a higher one."""
    prominence = float(self._values[root]) - level
    if prominence >= self._min_prominence:
      self.prominence[root] = prominence
    else:
      self._belongs[root] = across
      del self.prominence[root]

  def _root(self, point: int) -> int:
    while self._component[point] != point:
      # Shortens the path for the next search.
      self._component[point] = self._component[self._component[point]]
      point = self._component[point]
    return point

  def _neighbours(self, point: int) -> list[int]:
    """The up to eight neighbouring points, including diagonal ones."""
    rows, columns = self._shape
    row, column = divmod(point, columns)
    return [
      r * columns + c
      for r in range(max(row - 1, 0), min(row + 2, rows))
      for c in range(max(column - 1, 0), min(column + 2, columns))
      if (r, c) != (row, column)
    ]
