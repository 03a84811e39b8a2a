"""Tables of results: reading them, and what their seeds say together."""

from collections.abc import Iterable, Mapping, Sequence
import csv
import dataclasses
import os
import pathlib
import statistics

# What tells one curve from another, whatever its seed.
Curve = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Point:
  """The returns of several seeds after the same number of steps.

  Attributes:
    steps: environment steps, or SGD steps where the data are fixed.
    returns: one mean return a seed, in the order of the seeds.
  """

  steps: int
  returns: tuple[float, ...]

  @property
  def median(self) -> float:
    """The median over seeds."""
    return statistics.median(self.returns)


def read(
  paths: Iterable[str | os.PathLike[str]], steps_column: str = 'actor_steps'
) -> dict[Curve, list[Point]]:
  """Reads tables with the columns of `sweeps.COLUMNS`.

  Args:
    paths: CSV files.
    steps_column: 'actor_steps', or 'learner_steps' where the data are fixed.

  Returns:
    For each agent, preset and task the points of its curve, by steps. Seeds
    that have not come as far are missing from the later points.
  """
  found: dict[Curve, dict[int, dict[int, float]]] = {}
  for path in paths:
    with pathlib.Path(path).open(newline='') as file:
      for row in csv.DictReader(file):
        curve = (row['agent'], row['preset'], row['task'])
        steps = found.setdefault(curve, {})
        seeds = steps.setdefault(int(row[steps_column]), {})
        seeds[int(row['seed'])] = float(row['return'])
  return {
    curve: [
      Point(steps, tuple(returns for _, returns in sorted(seeds.items())))
      for steps, seeds in sorted(points.items())
    ]
    for curve, points in found.items()
  }


def at(
  curves: Mapping[Curve, Sequence[Point]], curve: Curve, steps: int
) -> Point | None:
  """The point of a curve after so many steps, or None if there is none."""
  for point in curves.get(curve, ()):
    if point.steps == steps:
      return point
  return None


def format_point(point: Point | None) -> str:
  """A cell of a table: the median, and the range over seeds if there are more.

  Args:
    point: the point, or None where nothing was measured.

  Returns:
    E.g. '812 (790 to 901, 3 seeds)'.
  """
  if point is None:
    return 'not run'
  if len(point.returns) == 1:
    return f'{point.median:.0f} (1 seed)'
  low, high = min(point.returns), max(point.returns)
  return (
    f'{point.median:.0f} ({low:.0f} to {high:.0f}, {len(point.returns)} seeds)'
  )
