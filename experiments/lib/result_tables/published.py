"""Returns that others have published, and their table."""

from experiments.lib import csv_files
from experiments.lib import markdown
from experiments.lib import places

_FILE = places.SCRIPTS / 'published' / 'dmc_state_returns.csv'
# By SimBa's authors, of the tasks of the sweep `twelve_tasks` that they have.
_TWELVE_TASKS = _FILE.with_name('twelve_tasks.csv')
# The published SAC that acts at every frame, as ours do.
_SAME_CONDITIONS = 'https://github.com/denisyarats/pytorch_sac'


def read_comparable() -> dict[tuple[str, int], dict[str, str]]:
  """The rows of a SAC under the conditions of ours, by task and steps."""
  return {
    (row['task'], int(row['frames'])): row
    for row in csv_files.read(_FILE)
    if row['source'] == _SAME_CONDITIONS
  }


def make_table() -> str:
  """The table of published returns with their conditions, in Markdown."""
  rows = csv_files.read(_FILE)
  tasks = sorted({row['task'] for row in rows})
  lines = markdown.head(
    'method', 'frames', 'action repeat', 'seeds, statistic', *tasks
  )
  found: dict[tuple[str, ...], dict[str, str]] = {}
  for row in rows:
    place = row['source'].removeprefix('https://github.com/')
    key = (
      f'{row["method"]}, [{place}]({row["source"]})',
      f'{int(row["frames"]):,}',
      row['action_repeat'],
      f'{row["seeds"]}, {row["statistic"]}',
    )
    found.setdefault(key, {})[row['task']] = row['return']
  for key, returns in found.items():
    lines.append(
      markdown.line(*key, *(returns.get(task, '') for task in tasks))
    )
  return '\n'.join(lines)


def make_twelve_tasks_table() -> str:
  """The table of what is published at the frames of `twelve_tasks`."""
  rows = csv_files.read(_TWELVE_TASKS)
  returns = {(row['task'], row['method']): row['return'] for row in rows}
  methods = list(dict.fromkeys(row['method'] for row in rows))
  lines = markdown.head('task', *(f'{name}, published' for name in methods))
  for task in dict.fromkeys(row['task'] for row in rows):
    lines.append(markdown.line(task, *(returns[task, x] for x in methods)))
  return '\n'.join(lines)
