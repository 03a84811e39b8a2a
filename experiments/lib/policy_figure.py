"""Figure 2 of the paper: a policy in one state, by samples and exactly.

Above, as in the paper: samples of pairs of action dimensions with a kernel
density estimate. Below, what samples cannot show: the policy's own density over
the same pairs (`marginals.log_marginal`) with its modes. Contours enclose the
densest regions that hold given shares of the mass.
"""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import json
import math
import pathlib
from typing import Any

import matplotlib
from matplotlib import figure as figure_lib
from matplotlib import patches
import numpy as np
from scipy import stats

from experiments.lib import marginals
from experiments.lib import modes as modes_lib
from experiments.lib import multimodality
from quinoa_acme.agents import quinoa
from quinoa_acme.networks import box as box_lib
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import running
from quinoa_acme.runs import trained as trained_lib
from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import rendering

# Shares of the mass within the contours.
_SHARES = (0.95, 0.8, 0.6, 0.4, 0.2)
_KDE_SIZE = 120
_NUM_ACTIONS = 1000
_PICTURE_SIZE = 300
# States with at least this measure at the first look are counted.
_MULTIMODAL = 0.05
_COLOURS = 'YlGnBu'
_DOT_COLOUR = '#1b2a49'
_MODE_COLOUR = '#d1495b'


@dataclasses.dataclass(frozen=True)
class PolicyInState:
  """The data of the figure, as stored in a file.

  Attributes:
    about: its origin, for people: task, seed, steps, the search.
    low: lower bounds of the actions, [A].
    high: upper bounds of the actions, [A].
    actions: samples of the policy, [N, A].
    log_marginals: by pair of dimensions, the marginal log-density on the
      Gauss-Legendre grid of the box, [n, n].
  """

  about: Mapping[str, Any]
  low: np.ndarray
  high: np.ndarray
  actions: np.ndarray
  log_marginals: Sequence[np.ndarray]

  def write(self, path: pathlib.Path) -> None:
    """Writes the file: JSON with four decimals."""
    content = {
      'about': dict(self.about),
      'low': _rounded(self.low),
      'high': _rounded(self.high),
      'actions': _rounded(self.actions),
      'log_marginals': [_rounded(x) for x in self.log_marginals],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (
      f'{json.dumps(key)}: {json.dumps(value)}'
      for key, value in content.items()
    )
    path.write_text('{\n' + ',\n'.join(lines) + '\n}\n')

  @classmethod
  def read(cls, path: pathlib.Path) -> 'PolicyInState':
    """Reads the file.

    Raises:
      FileNotFoundError: if it does not exist.
    """
    content = json.loads(path.read_text())
    return cls(
      about=content['about'],
      low=np.array(content['low']),
      high=np.array(content['high']),
      actions=np.array(content['actions']),
      log_marginals=[np.array(x) for x in content['log_marginals']],
    )

  def modes_of_pairs(
    self,
  ) -> Iterator[tuple[tuple[int, int], marginals.Grid, list[modes_lib.Mode]]]:
    """Each pair of dimensions, the grid, and the modes of the pair on it."""
    grid = marginals.Grid.of_box(
      self.low, self.high, len(self.log_marginals[0])
    )
    pairs = marginals.pairs_of(self.actions.shape[1])
    for pair, log_density in zip(pairs, self.log_marginals, strict=True):
      yield pair, grid, modes_lib.find_modes(log_density, grid.areas(pair))


def _rounded(values: np.ndarray) -> list:
  return np.round(np.asarray(values, float), 4).tolist()


def make(
  run: experiment_lib.ExperimentConfig, num_states: int, every: int, seed: int
) -> tuple[PolicyInState, np.ndarray]:
  """Searches the states that a run's policy visits, and looks at the best.

  Args:
    run: a run of Quinoa on a task of the Control Suite.
    num_states: number of states to search.
    every: environment steps between two of them.
    seed: for visits, search and samples.

  Returns:
    The policy in the state in which it is the most multimodal, and a picture of
    the state, uint8 of shape [height, width, 3].

  Raises:
    FileNotFoundError: if the run has no checkpoint.
    ValueError: if its agent is not Quinoa, or acts in a single dimension.
  """
  if not isinstance(run.agent, quinoa.QuinoaConfig):
    raise ValueError(
      f'{run.workdir} is a run of {type(run.agent).__name__}, and not of '
      "Quinoa, whose policy's exact density the figure needs."
    )
  trained = trained_lib.restore(run, 'figure2')
  box = box_lib.Box.from_spec(trained.spec.actions)
  [variables] = trained.learner.get_variables(['policy'])
  view = multimodality.PolicyView(trained.networks.policy, variables, box)
  visits = trained_lib.visit(trained, num_states, every, seed)
  found = multimodality.search(view, visits.observations, seed)
  workdir = pathlib.Path(run.workdir)
  counts = loggers.read_rows(workdir / 'logs' / 'evaluator.csv')[-1]
  config = json.loads((workdir / 'config.json').read_text())
  frames = {}
  if loggers.FRAMES in counts:  # Of a run that repeats actions.
    frames['environment_frames'] = int(counts[loggers.FRAMES])
  multimodal = np.mean(found.measures >= _MULTIMODAL)
  data = PolicyInState(
    about={
      'task': run.env_name,
      'preset': _preset_of(run.agent),
      'seed': run.seed,
      'environment_steps': int(counts['actor_steps']),
      **frames,
      'updates': int(counts['learner_steps']),
      'commit': config['commit'],
      'states_searched': num_states,
      f'with_measure_{_MULTIMODAL}_or_more': f'{multimodal:.2%}',
      'measure_of_this_one': round(multimodality.measure(found.pairs), 3),
    },
    low=box.low,
    high=box.high,
    actions=view.sample(visits.observations[found.index], _NUM_ACTIONS, seed),
    log_marginals=[pair.log_density for pair in found.pairs],
  )
  picture = rendering.render(
    trained.environment, visits.physics[found.index], _PICTURE_SIZE
  )
  return data, picture


def draw(data: PolicyInState, picture: np.ndarray) -> figure_lib.Figure:
  """Draws the figure.

  Args:
    data: the policy in the state.
    picture: of the state, [height, width, 3].

  Returns:
    The figure.
  """
  num_pairs = len(data.log_marginals)
  figure = figure_lib.Figure(
    figsize=(2.7 * (num_pairs + 1), 5.4), layout='constrained'
  )
  axes = figure.subplots(2, num_pairs + 1, squeeze=False)
  axes[0, 0].imshow(picture)
  axes[0, 0].set_axis_off()
  axes[1, 0].set_axis_off()
  axes[1, 0].text(
    0.0, 0.95, describe(data.about), va='top', fontsize=8, wrap=True
  )
  for column, (pair, grid, modes) in enumerate(data.modes_of_pairs(), start=1):
    _draw_samples(axes[0, column], data, pair)
    density = np.exp(data.log_marginals[column - 1])
    _draw_density(axes[1, column], grid, pair, density, modes)
    for each in axes[:, column]:
      _frame(each, data, pair)
  axes[0, 1].set_title(
    f'{len(data.actions)} samples, kernel estimate', fontsize=9, loc='left'
  )
  axes[1, 1].set_title('exact density, modes', fontsize=9, loc='left')
  return figure


def _preset_of(agent: quinoa.QuinoaConfig) -> str:
  """The name of the preset equal to a configuration, or 'none'."""
  presets = running.PRESETS['quinoa']
  return next((name for name in presets if presets[name]() == agent), 'none')


def describe(about: Mapping[str, Any]) -> str:
  """The policy's origin, one fact per line."""
  return '\n'.join(
    f'{key.replace("_", " ")}: {value}' for key, value in about.items()
  )


def _draw_samples(
  axes: Any, data: PolicyInState, pair: tuple[int, int]
) -> None:
  """Draws the samples over their kernel density estimate."""
  samples = data.actions[:, list(pair)].T
  ends = [_shown(data, dimension) for dimension in pair]
  x, y = (np.linspace(*end, _KDE_SIZE) for end in ends)
  points = np.stack(np.meshgrid(x, y, indexing='ij')).reshape(2, -1)
  density = stats.gaussian_kde(samples)(points).reshape(_KDE_SIZE, _KDE_SIZE)
  _contours(axes, x, y, density, np.ones_like(density))
  axes.plot(*samples, '.', markersize=1.6, color=_DOT_COLOUR, alpha=0.5)


def _draw_density(
  axes: Any,
  grid: marginals.Grid,
  pair: tuple[int, int],
  density: np.ndarray,
  modes: Sequence[modes_lib.Mode],
) -> None:
  """Draws the exact density, and the share of each of its modes."""
  x, y = grid.points[pair[0]], grid.points[pair[1]]
  _contours(axes, x, y, density, grid.areas(pair))
  for mode, fall in zip(modes, modes_lib.falls(modes), strict=True):
    row, column = mode.place
    axes.plot(x[row], y[column], '+', markersize=9, color=_MODE_COLOUR)
    # Towards the middle, where there is room.
    side = ('right', -6) if 2 * row > len(x) else ('left', 6)
    axes.annotate(
      f'{mode.mass:.0%}' + (f' (÷{math.exp(fall):.1f})' if fall else ''),
      (x[row], y[column]),
      textcoords='offset points',
      xytext=(side[1], 6 if 2 * column < len(y) else -12),
      horizontalalignment=side[0],
      fontsize=7,
      color=_MODE_COLOUR,
      bbox={'facecolor': 'white', 'alpha': 0.8, 'pad': 0.8, 'linewidth': 0},
    )


def _contours(
  axes: Any,
  x: np.ndarray,
  y: np.ndarray,
  density: np.ndarray,
  areas: np.ndarray,
) -> None:
  """Fills the regions that hold `_SHARES` of the mass, densest darkest."""
  levels = levels_of(density, areas, _SHARES)
  colours = matplotlib.colormaps[_COLOURS](np.linspace(0.2, 0.8, len(levels)))
  axes.contourf(x, y, density.T, levels=[*levels, np.inf], colors=colours)


def levels_of(
  density: np.ndarray, areas: np.ndarray, shares: Sequence[float]
) -> list[float]:
  """Levels of density above which given shares of the mass lie.

  Args:
    density: floats >= 0 of any shape.
    areas: the area of each point, of the same shape.
    shares: of the mass, falling, in (0, 1).

  Returns:
    One level per share, rising; shares that fall on one point have one level.
  """
  order = np.argsort(-density, axis=None)
  mass = np.cumsum((density * areas).ravel()[order])
  places = np.searchsorted(mass, np.asarray(shares) * mass[-1])
  levels = density.ravel()[order][places]
  return sorted({float(level) for level in levels})


def _frame(axes: Any, data: PolicyInState, pair: tuple[int, int]) -> None:
  """Frames the box of the actions, beyond which there is nothing."""
  (first, second) = pair
  axes.add_patch(
    patches.Rectangle(
      (data.low[first], data.low[second]),
      data.high[first] - data.low[first],
      data.high[second] - data.low[second],
      fill=False,
      edgecolor='#555555',
      linewidth=0.8,
    )
  )
  axes.set_xlim(*_shown(data, first))
  axes.set_ylim(*_shown(data, second))
  axes.set_aspect('equal')
  axes.set_xlabel(f'$a_{first + 1}$', fontsize=9)
  axes.set_ylabel(f'$a_{second + 1}$', fontsize=9)
  axes.tick_params(labelsize=7)
  axes.spines[:].set_visible(False)


def _shown(data: PolicyInState, dimension: int) -> tuple[float, float]:
  """The range of one axis, slightly beyond the bounds."""
  low, high = float(data.low[dimension]), float(data.high[dimension])
  margin = 0.12 * (high - low)
  return low - margin, high + margin
