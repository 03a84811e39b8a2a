"""The table of the modes in the state of figure 2."""

import math

from experiments.lib import markdown
from experiments.lib import modes as modes_lib
from experiments.lib import places
from experiments.lib import policy_figure


def make_table(name: str) -> str:
  """The table in Markdown.

  Args:
    name: name of the folder of the figure's data in the committed results.
  """
  data = policy_figure.PolicyInState.read(places.RESULTS / name / 'data.json')
  lines = markdown.head(
    'actions', 'mode at', 'mass', 'density falls on the way to the first'
  )
  for (first, second), grid, modes in data.modes_of_pairs():
    for mode, fall in zip(modes, modes_lib.falls(modes), strict=True):
      x = grid.points[first][mode.place[0]]
      y = grid.points[second][mode.place[1]]
      lines.append(
        markdown.line(
          f'a{first + 1}, a{second + 1}',
          f'{x:.2f}, {y:.2f}',
          f'{mode.mass:.0%}',
          f'{math.exp(fall):.1f} times' if fall else '',
        )
      )
  facts = policy_figure.describe(data.about).replace('\n', '; ')
  return '\n'.join([*lines, '', f'{facts[0].upper()}{facts[1:]}.'])
