"""Measures how a distributed run's speed depends on its number of actors.

  python experiments/measure_scaling.py --output=.
  python experiments/measure_scaling.py --output=. --only_page

Each run is one of `run_quinoa.py` under local_mp. It is measured by the counts
that it writes and by the processor time of its nodes, then killed. There are
two paces: as in a user's run, where the replay's limiter holds actors and
learner to `samples_per_insert`; and free, where each runs as fast as the
processors let it. Below the folder `--output` the rows go to
experiments/results/scaling.csv, and from there into a table of docs/scaling.md.
`--only_page` only renews that table, from the committed rows.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()

import csv  # noqa: E402
import dataclasses  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

from absl import flags  # noqa: E402

from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_ACTORS = flags.DEFINE_list('actors', ['1', '2', '4', '8'], 'How many.')
_SECONDS = flags.DEFINE_float(
  'seconds', 25.0, 'For each measurement.', lower_bound=5.0
)
_WARM_UP = flags.DEFINE_float(
  'warm_up', 5.0, 'Seconds of learning before each.', lower_bound=0.0
)
_ONLY_PAGE = flags.DEFINE_bool('only_page', False, 'Measures nothing.')
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  'The folder for rows and page; that of the repository renews them.',
  required=True,
)

_TABLE = _ROOT / 'experiments' / 'results' / 'scaling.csv'
_PAGE = _ROOT / 'docs' / 'scaling.md'

_ENV_NAME = 'control:cheetah:run'
# Longer than any start on a working machine.
_START_SECONDS = 900.0
_PACES = {
  'limited': (),
  # So wide that the limiter never holds anything back.
  'free': ('--samples_per_insert_tolerance=1e6',),
}
_ROLES = ('actor', 'learner', 'counter', 'evaluator')
# Numbers of actors for which to calculate speeds.
_CALCULATED = (1, 2, 4, 8, 16, 32, 64)
_BEGIN, _END = '<!-- made by measure_scaling.py -->', '<!-- end -->'
_TICKS = os.sysconf('SC_CLK_TCK')


@dataclasses.dataclass(frozen=True)
class Moment:
  """What a run has done and used so far.

  Attributes:
    time: of the counts, in seconds.
    actor_steps: environment steps made.
    learner_steps: updates made.
    processor: processor seconds, by role.
    updating: processor seconds of the learner's threads that yield to no
      others; they make the updates.
    memory: MiB by role; shared memory is divided among its users.
  """

  time: float
  actor_steps: int
  learner_steps: int
  processor: dict[str, float]
  updating: float
  memory: dict[str, float]


def find_nodes(launcher: int) -> dict[int, str]:
  """Finds the processes of a program's nodes, and their roles.

  Args:
    launcher: its process number, which is its session's.

  Returns:
    Roles by process number.
  """
  found = {}
  for entry in os.listdir('/proc'):
    if not entry.isdigit():
      continue
    try:
      if os.getsid(int(entry)) == launcher:
        output = os.readlink(f'/proc/{entry}/fd/1')
        if match := re.search(r'/logs/nodes/(\w+)/\d+$', output):
          found[int(entry)] = match.group(1)
    except OSError:
      continue  # It has ended.
  return found


def look(workdir: pathlib.Path, launcher: int) -> Moment | None:
  """Reads the state of a run.

  Args:
    workdir: its folder.
    launcher: its launcher's process number.

  Returns:
    What it has done, or None if it has not written counts yet.
  """
  path = workdir / 'status.json'
  if not path.exists():
    return None
  status = json.loads(path.read_text())
  processor: dict[str, float] = dict.fromkeys(_ROLES, 0.0)
  memory: dict[str, float] = dict.fromkeys(_ROLES, 0.0)
  updating = 0.0
  for pid, role in find_nodes(launcher).items():
    folder = pathlib.Path(f'/proc/{pid}')
    seconds, niceness = _read_stat(folder)
    processor[role] += seconds
    if role == 'learner':
      threads = map(_read_stat_of_thread, folder.glob('task/*'))
      updating = sum(x for x, behind in threads if behind == niceness)
    rollup = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
    memory[role] += int(re.findall(r'^Pss: +(\d+)', rollup, re.M)[0]) / 1024
  return Moment(
    time=path.stat().st_mtime,
    actor_steps=status['actor_steps'],
    learner_steps=status['learner_steps'],
    processor=processor,
    updating=updating,
    memory=memory,
  )


def _read_stat(folder: pathlib.Path) -> tuple[float, int]:
  """Processor seconds used by a process or thread, and its niceness."""
  # Its name, in brackets before these, may have spaces.
  fields = (folder / 'stat').read_text().rpartition(')')[2].split()
  user, system, niceness = (int(fields[i]) for i in (11, 12, 16))
  return (user + system) / _TICKS, niceness


def _read_stat_of_thread(folder: pathlib.Path) -> tuple[float, int]:
  """As `_read_stat`; zero for a thread that has just ended."""
  try:
    return _read_stat(folder)
  except (FileNotFoundError, ProcessLookupError):
    return 0.0, 0


def make_row(
  before: Moment, after: Moment, batch_size: int
) -> dict[str, float]:
  """The speeds between two moments, and the nodes' resources behind them.

  Args:
    before: one moment.
    after: a later one.
    batch_size: of the learner.

  Returns:
    A row: environment steps, updates and samples per second; by role,
    processor seconds per second, and MiB of memory.
  """
  seconds = after.time - before.time
  updates = (after.learner_steps - before.learner_steps) / seconds
  row = {
    'seconds': seconds,
    'steps_per_second': (after.actor_steps - before.actor_steps) / seconds,
    'updates_per_second': updates,
    'samples_per_second': updates * batch_size,
  }
  for role in _ROLES:
    used = after.processor[role] - before.processor[role]
    row[f'{role}_processors'] = used / seconds
    row[f'{role}_mebibytes'] = after.memory[role]
  row['updating_processors'] = (after.updating - before.updating) / seconds
  return row


def measure(num_actors: int, pace: str) -> dict[str, float]:
  """Starts a run, measures it once it learns, and kills it.

  Args:
    num_actors: the number of its actors.
    pace: a key of `_PACES`.

  Returns:
    The row of `make_row`.

  Raises:
    RuntimeError: if the run does not start to learn, or ends.
  """
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder) / 'run'
    process = subprocess.Popen(
      [
        sys.executable,
        str(_ROOT / 'experiments' / 'run_quinoa.py'),
        '--lp_launch_type=local_mp',
        f'--env_name={_ENV_NAME}',
        f'--num_actors={num_actors}',
        f'--workdir={workdir}',
        '--num_steps=100000000',
        # One, at the start.
        '--eval_every=100000000',
        '--evaluation_episodes=1',
        *_PACES[pace],
      ],
      stdout=subprocess.DEVNULL,
      stderr=subprocess.PIPE,
      text=True,
      start_new_session=True,
    )
    try:
      return _measure(workdir, process)
    finally:
      # Its nodes end with it.
      process.kill()
      process.communicate()
      while find_nodes(process.pid):
        time.sleep(0.1)


def _measure(
  workdir: pathlib.Path, process: subprocess.Popen
) -> dict[str, float]:
  deadline = time.monotonic() + _START_SECONDS
  evaluations = workdir / 'logs' / 'evaluator.csv'

  def look_at_it() -> Moment | None:
    if process.poll() is not None:
      raise RuntimeError(f'The run ended: {process.communicate()[1]}')
    return look(workdir, process.pid)

  while True:
    now = look_at_it()
    is_evaluated = evaluations.exists() and evaluations.stat().st_size > 0
    if now and now.learner_steps > 0 and is_evaluated:
      break
    if time.monotonic() > deadline:
      raise RuntimeError(f'No learning within {_START_SECONDS:g} s.')
    time.sleep(0.2)
  time.sleep(_WARM_UP.value)
  before = look_at_it()
  time.sleep(_SECONDS.value)
  after = look_at_it()
  assert before
  assert after
  return make_row(before, after, quinoa.QuinoaConfig().batch_size)


def make_table(rows: list[dict[str, str]]) -> str:
  """The rows as a table in Markdown.

  Args:
    rows: of the file.

  Returns:
    The table, and a sentence on the machine below it.
  """
  heads = (
    'pace',
    'actors',
    'steps/s',
    'updates/s',
    'samples/s',
    'processors: actors',
    'learner',
    'counter',
    'ms a step',
    'ms an update',
    'MiB: an actor',
    'learner',
  )
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  lines.extend(_table_line(row) for row in rows)
  about = rows[0]
  return '\n'.join(
    [
      *lines,
      '',
      f'{about["env_name"]}, default preset, {float(about["seconds"]):.0f} s '
      f'each; {about["cores"]} cores of {about["processor"]}; version '
      f'{about["version"]}, commit {about["commit"]}.',
    ]
  )


@dataclasses.dataclass(frozen=True)
class Costs:
  """Processor seconds for the work of a run.

  Attributes:
    actor: per environment step.
    learner: per update, including its samples and the replay.
    updating: the share of that used by the threads that make the update.
    updates: updates per step.
  """

  actor: float
  learner: float
  updating: float
  updates: float


def read_costs(row: dict[str, str]) -> Costs:
  """Computes the costs from a run that the limiter held.

  Args:
    row: the run's row.

  Returns:
    The costs.
  """
  steps, updates = (
    float(row[f'{name}_per_second']) for name in ('steps', 'updates')
  )
  return Costs(
    actor=float(row['actor_processors']) / steps,
    learner=float(row['learner_processors']) / updates,
    updating=float(row['updating_processors']) / updates,
    updates=updates / steps,
  )


def calculate(costs: Costs, actors: int, processors: float) -> float:
  """Steps per second of a run with the limiter, as in docs/scaling.md.

  Args:
    costs: on one processor.
    actors: number of actors.
    processors: number of processors; infinity if each node has its own.

  Returns:
    Steps per second over all actors.
  """
  return min(
    actors / costs.actor,
    1 / (costs.updates * costs.updating),
    processors / (costs.actor + costs.updates * costs.learner),
  )


def make_calculation(rows: list[dict[str, str]]) -> str:
  """Predictions from the run with the fewest actors, next to measurements.

  Args:
    rows: of the file.

  Returns:
    A table in Markdown.
  """
  limited = [row for row in rows if row['pace'] == 'limited']
  costs = read_costs(min(limited, key=lambda row: int(row['actors'])))
  cores = int(rows[0]['cores'])
  measured = {
    int(row['actors']): f'{float(row["steps_per_second"]):.0f}'
    for row in limited
  }
  heads = (
    'actors',
    f'measured, {cores} cores',
    f'calculated, {cores} cores',
    'calculated, a core for each node',
  )
  lines = [_line(*heads), '|' + '---|' * len(heads)]
  for actors in sorted({*measured, *_CALCULATED}):
    lines.append(
      _line(
        str(actors),
        measured.get(actors, ''),
        f'{calculate(costs, actors, cores):.0f}',
        f'{calculate(costs, actors, math.inf):.0f}',
      )
    )
  return '\n'.join(
    [
      *lines,
      '',
      f'From c_a = {1000 * costs.actor:.2f} ms, '
      f'c_l = {1000 * costs.learner:.2f} ms, '
      f'c_t = {1000 * costs.updating:.2f} ms, u = {costs.updates:.2f}: an '
      f'actor could make {1 / costs.actor:.0f} steps a second, and the learner '
      f'keeps up with {1 / (costs.updates * costs.updating):.0f}.',
    ]
  )


def _table_line(row: dict[str, str]) -> str:
  def number(name: str) -> float:
    return float(row[name])

  def milliseconds(role: str, rate: str) -> str:
    used, done = number(f'{role}_processors'), number(rate)
    return f'{1000 * used / done:.2f}' if done else ''

  return _line(
    row['pace'],
    row['actors'],
    f'{number("steps_per_second"):.0f}',
    f'{number("updates_per_second"):.0f}',
    f'{number("samples_per_second"):,.0f}',
    *(
      f'{number(f"{role}_processors"):.2f}'
      for role in ('actor', 'learner', 'counter')
    ),
    milliseconds('actor', 'steps_per_second'),
    milliseconds('learner', 'updates_per_second'),
    f'{number("actor_mebibytes") / number("actors"):.0f}',
    f'{number("learner_mebibytes"):.0f}',
  )


def _line(*cells: str) -> str:
  return f'| {" | ".join(cells)} |'


def read_page(page: pathlib.Path) -> tuple[str, str]:
  """Reads the text before and after the table.

  Args:
    page: the page.

  Returns:
    Both, including the marks.

  Raises:
    ValueError: if the page lacks a mark.
  """
  before, found, rest = page.read_text().partition(_BEGIN)
  _, closed, after = rest.partition(_END)
  if not (found and closed):
    raise ValueError(f'{page} must have the marks {_BEGIN} and {_END}.')
  return f'{before}{_BEGIN}\n', f'\n{_END}{after}'


def _read_actors() -> list[int]:
  texts = _ACTORS.value
  if not texts or not all(text.isdecimal() and int(text) for text in texts):
    raise ValueError(
      f'--actors={",".join(texts)}: expected whole numbers of at least 1, with '
      'commas between.'
    )
  return [int(text) for text in texts]


def _measure_all(numbers: list[int], table: pathlib.Path) -> None:
  """Measures each number of actors at each pace, and writes the rows."""
  about = {
    'env_name': _ENV_NAME,
    'cores': len(os.sched_getaffinity(0)),
    'processor': _processor(),
    **experiment.describe_source(),
  }
  rows = []
  for pace in _PACES:
    for num_actors in numbers:
      row = measure(num_actors, pace)
      rounded = {key: round(value, 4) for key, value in row.items()}
      rows.append({'pace': pace, 'actors': num_actors, **rounded, **about})
      print(json.dumps(rows[-1]), flush=True)
  with table.open('w', newline='') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def _processor() -> str:
  text = pathlib.Path('/proc/cpuinfo').read_text()
  names = re.findall(r'^model name\s*: (.*)$', text, re.M)
  return names[0] if names else 'an unknown processor'


def main(argv: list[str]) -> None:
  """Measures, writes the rows, and renews the page's table."""
  scripts.begin(argv)
  try:
    numbers = _read_actors()
    before, after = read_page(_PAGE)
    table, page = scripts.place_outputs(_OUTPUT.value, _ROOT, _TABLE, _PAGE)
    if _ONLY_PAGE.value:
      table = _TABLE
    else:
      _measure_all(numbers, table)
    with table.open(newline='') as file:
      rows = list(csv.DictReader(file))
  except (OSError, RuntimeError, ValueError) as error:
    sys.exit(f'error: {error}')
  page.write_text(
    f'{before}{make_table(rows)}\n\n{make_calculation(rows)}{after}'
  )


if __name__ == '__main__':
  scripts.run(main)
