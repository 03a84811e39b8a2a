"""Remakes tables and picture of docs/results.md.

  python experiments/make_results.py

They are made of the committed tables in `experiments/results` alone.
"""

import pathlib

from matplotlib import figure as figure_lib

from quinoa_acme import results

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_TABLES = _ROOT / 'experiments' / 'results'
_DOCUMENT = _ROOT / 'docs' / 'results.md'
_PICTURE = _ROOT / 'docs' / 'images' / 'learning_curves.png'
_BEGIN, _END = '<!-- {} made by make_results.py -->', '<!-- end of {} -->'
_OFFLINE_STEPS = (10_000, 20_000)
_OFFLINE = {'quinoa': 'Quinoa, `offline` preset', 'bc': 'Behaviour cloning'}

_QUINOA = ('quinoa', 'default')
_SAC = ('sac', 'default/width-128')
# Task, steps, and the returns that are published for SAC after as many frames,
# with their number of seeds: denisyarats/pytorch_sac, the mean.
_ROWS = (
  ('walker-walk', 50_000, ''),
  ('walker-walk', 100_000, '847 (mean of 3 seeds)'),
  ('cheetah-run', 100_000, '213 (mean of 3 seeds)'),
  ('cheetah-run', 250_000, ''),
  ('hopper-stand', 100_000, '6 (mean of 3 seeds)'),
  ('hopper-stand', 250_000, ''),
  ('cartpole-swingup', 50_000, ''),
)
_COLOURS = {_QUINOA: '#2f6b3f', _SAC: '#b08a3c'}
_NAMES = {_QUINOA: 'Quinoa', _SAC: "Acme's SAC"}


def make_table(curves) -> str:
  """The table of returns, in Markdown."""
  lines = [
    "| task | steps | Quinoa | Acme's SAC, here | SAC, published |",
    '|---|---|---|---|---|',
  ]
  for task, steps, published in _ROWS:
    cells = [
      results.format_point(
        results.at(curves, (agent[0], agent[1], task), steps)
      )
      for agent in (_QUINOA, _SAC)
    ]
    lines.append(f'| {task} | {steps:,} | {" | ".join(cells)} | {published} |')
  return '\n'.join(lines)


def draw(curves, path: pathlib.Path) -> None:
  """Draws the median over seeds, and the range, of every task."""
  measured = {task for _, _, task in curves}
  tasks = [
    task
    for task in dict.fromkeys(task for task, _, _ in _ROWS)
    if task in measured
  ]
  figure = figure_lib.Figure(
    figsize=(2.8 * len(tasks), 2.9), layout='constrained'
  )
  for axes, task in zip(figure.subplots(1, len(tasks)), tasks, strict=True):
    for agent in (_QUINOA, _SAC):
      points = curves.get((agent[0], agent[1], task), [])
      steps = [point.steps / 1000 for point in points]
      colour = _COLOURS[agent]
      medians = [point.median for point in points]
      axes.plot(steps, medians, color=colour, label=_NAMES[agent])
      axes.fill_between(
        steps,
        [min(point.returns) for point in points],
        [max(point.returns) for point in points],
        color=colour,
        alpha=0.2,
        linewidth=0,
      )
    axes.set_title(task, fontsize=10)
    axes.set_xlabel('thousand environment steps', fontsize=8)
    axes.set_ylim(0, 1000)
    axes.tick_params(labelsize=8)
    axes.spines[['top', 'right']].set_visible(False)
  figure.axes[0].set_ylabel('return', fontsize=8)
  figure.axes[0].legend(frameon=False, fontsize=8)
  figure.savefig(path, dpi=130, metadata={'Software': None})


def make_offline_table(curves) -> str:
  """The table of what was learnt from fixed data, in Markdown."""
  heads = ' | '.join(f'{steps:,} updates' for steps in _OFFLINE_STEPS)
  lines = [f'| | {heads} |', '|---|' + '---|' * len(_OFFLINE_STEPS)]
  for agent, name in _OFFLINE.items():
    curve = (agent, 'offline', 'walker-walk')
    cells = [
      results.format_point(results.at(curves, curve, steps))
      for steps in _OFFLINE_STEPS
    ]
    lines.append(f'| {name} | {" | ".join(cells)} |')
  return '\n'.join(lines)


def put(name: str, table: str) -> None:
  """Puts a table into the document, between its marks."""
  begin, end = _BEGIN.format(name), _END.format(name)
  before, _, rest = _DOCUMENT.read_text().partition(begin)
  _, _, after = rest.partition(end)
  _DOCUMENT.write_text(f'{before}{begin}\n{table}\n{end}{after}')


def main() -> None:
  """Remakes tables and picture."""
  curves = results.read([_TABLES / 'bars.csv'])
  put('bars', make_table(curves))
  draw(curves, _PICTURE)
  offline = results.read([_TABLES / 'offline.csv'], 'learner_steps')
  put('offline', make_offline_table(offline))


if __name__ == '__main__':
  main()
