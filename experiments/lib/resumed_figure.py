"""A figure of runs that were killed and resumed."""

from collections.abc import Mapping, Sequence
import pathlib

from experiments.lib import resumed_runs


def draw(rows: Sequence[Mapping[str, str]], picture: pathlib.Path) -> None:
  """Draws the returns of both runs, for each way.

  Args:
    rows: of the table.
    picture: the file for the figure.
  """
  # Matplotlib takes over a second to import.
  from matplotlib import figure as figure_lib

  figure = figure_lib.Figure(figsize=(8, 3.4), layout='constrained')
  for axes, way in zip(
    figure.subplots(1, 2, sharey=True), resumed_runs.WAYS, strict=True
  ):
    for run, look in (
      ('uncut', {'color': '#b08a3c', 'linewidth': 4, 'alpha': 0.6}),
      ('resumed', {'color': '#2f6b3f', 'marker': 'o', 'markersize': 4}),
    ):
      found = [x for x in rows if (x['way'], x['run']) == (way, run)]
      axes.plot(
        [int(x['actor_steps']) for x in found],
        [float(x['episode_return']) for x in found],
        label='killed twice and resumed' if run == 'resumed' else run,
        **look,
      )
    for steps in resumed_runs.KILLED_AFTER:
      axes.axvline(steps, color='#8f3535', linewidth=0.8, linestyle=':')
    axes.set_title(way, fontsize=10)
    axes.set_xlabel('environment steps')
    axes.spines[['top', 'right']].set_visible(False)
  figure.axes[0].set_ylabel('return')
  figure.axes[0].legend(frameon=False, fontsize=8)
  figure.savefig(picture, dpi=150)
