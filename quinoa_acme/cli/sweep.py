"""`quinoa sweep`: makes the runs of a file, one per core, and their table."""

from collections.abc import Mapping, Sequence
import difflib
import json
import pathlib
from typing import NamedTuple, TYPE_CHECKING

from absl import flags

from quinoa_acme.cli import command
from quinoa_acme.runs import scripts
from quinoa_acme.runs.watching import terminal
from quinoa_acme.utils import systems

if TYPE_CHECKING:
  from quinoa_acme.runs.sweeps import sweeps

# The source tree's own sweeps, which can be named instead of given by path.
_NAMED = pathlib.Path(__file__).resolve().parents[2] / 'experiments' / 'sweeps'


def define_flags(values: flags.FlagValues) -> None:
  """Defines the flags."""
  flags.DEFINE_string(
    'suite',
    None,
    'A JSON file of runs, or a name in experiments/sweeps.',
    flag_values=values,
  )
  flags.DEFINE_string(
    'folder',
    None,
    'The folder of the runs; by default below runs/.',
    flag_values=values,
  )
  flags.DEFINE_string(
    'output',
    None,
    "The CSV file of the results; by default results.csv in the runs' folder.",
    flag_values=values,
  )
  flags.DEFINE_list(
    'cores',
    None,
    'Processor cores, one run at a time on each; by default all.',
    flag_values=values,
  )
  flags.DEFINE_string(
    'only', '', 'Only runs with this text in their label.', flag_values=values
  )
  flags.DEFINE_bool(
    'status',
    False,
    'Only say what is left, and how long it will take at the speed so far.',
    flag_values=values,
  )
  flags.DEFINE_bool(
    'collect', False, 'Only write the table.', flag_values=values
  )


class Plan(NamedTuple):
  """The work to do.

  Attributes:
    sweep: the sweep.
    runs: the requested runs.
    cores: the processor cores.
  """

  sweep: 'sweeps.Sweep'
  runs: Sequence['sweeps.Run']
  cores: Sequence[int]


def read(values: flags.FlagValues) -> Plan:
  """Reads the flags.

  Args:
    values: the flags, parsed.

  Returns:
    The work to do.

  Raises:
    CommandError: if a flag, or the file, is wrong.
  """
  try:
    path = _find(values.suite)
    cores = _read_cores(values.cores)
    for name, value in (('folder', values.folder), ('output', values.output)):
      if value:
        scripts.check_output(name, value)
    _check_json(path)
    # Only now, because it takes seconds.
    from quinoa_acme.runs.sweeps import sweeps

    sweep = sweeps.read(path)
  except (OSError, ValueError) as error:
    raise command.CommandError(error) from error
  runs = [run for run in sweep.runs if values.only in run.label]
  if not runs:
    labels = '\n  '.join(run.label for run in sweep.runs)
    raise command.CommandError(
      f'no run of {sweep.name} has {values.only!r} in its label. There are\n'
      f'  {labels}'
    )
  return Plan(sweep, runs, cores)


def _find(suite: str) -> pathlib.Path:
  """The file of a sweep.

  Raises:
    ValueError: if there is none; lists those that exist.
  """
  for path in (_NAMED / f'{suite}.json', pathlib.Path(suite)):
    if path.is_file():
      return path
  names = sorted(path.stem for path in _NAMED.glob('*.json'))
  near = difflib.get_close_matches(suite, names, n=1)
  hint = f'; did you mean {near[0]!r}?' if near else '.'
  named = f', or one of {", ".join(names)}' if names else ''
  raise ValueError(
    f'there is no suite {suite!r}{hint} Give the path of a JSON file{named}.'
  )


def _check_json(path: pathlib.Path) -> None:
  """Raises an error that names the file and line that is not valid JSON."""
  try:
    content = json.loads(path.read_text())
  except ValueError as error:
    raise ValueError(f'{path} is not JSON: {error}.') from None
  if not isinstance(content, Mapping):
    raise ValueError(f'{path} is no sweep: it must be a JSON object.')


def _read_cores(given: Sequence[str] | None) -> list[int]:
  allowed = systems.usable_cores()
  asked = given or [str(core) for core in allowed]
  if not {str(core) for core in allowed}.issuperset(asked):
    raise ValueError(
      f'--cores={",".join(asked)}, but this process may use {allowed}.'
    )
  return [int(core) for core in asked]


def places(
  values: flags.FlagValues, name: str
) -> tuple[pathlib.Path, pathlib.Path]:
  """The folder of the runs, and the table of their results.

  Args:
    values: the flags, parsed.
    name: of the folder below runs/, if the flags do not name one.

  Returns:
    Absolute paths.
  """
  folder = pathlib.Path(values.folder or f'runs/{name}').resolve()
  return folder, pathlib.Path(values.output or folder / 'results.csv').resolve()


def execute(
  values: flags.FlagValues,
  plan: Plan,
  folder: pathlib.Path,
  table: pathlib.Path,
) -> None:
  """Makes the runs, or only reports their progress, as the flags say.

  Args:
    values: the flags, parsed.
    plan: the result of `read`.
    folder: the folder of the runs' folders.
    table: the CSV file of the results.

  Raises:
    CommandError: if runs failed; says which.
  """
  from quinoa_acme.cli import sweep_status
  from quinoa_acme.runs.sweeps import sweep_runner
  from quinoa_acme.runs.sweeps import sweeps

  terminal.say(f'Runs: {folder}')
  failed: Sequence[str] = []
  if values.status:
    statuses = sweep_status.look(plan.runs, folder, table)
    for line in sweep_status.describe(statuses, len(plan.cores)):
      terminal.say(line)
    return
  try:
    if values.collect:
      sweeps.collect(plan.runs, folder, table)
    else:
      failed = sweep_runner.execute(plan.runs, folder, table, plan.cores)
  except ValueError as error:
    raise command.CommandError(error) from error
  terminal.say(f'Results: {table}')
  if failed:
    raise command.CommandError(
      f'{len(failed)} runs failed: {", ".join(failed)}.'
    )


def _run(values: flags.FlagValues) -> None:
  plan = read(values)
  execute(values, plan, *places(values, plan.sweep.name))


COMMAND = command.Command(
  name='sweep',
  summary='Make many runs from a file, one per core, and a table of them.',
  about="""
  Makes the runs of a file, one per core, and a table of their results.

    {"runs": [{"agent": "quinoa", "preset": "direct", "num_steps": 60000,
               "env_names": ["control:walker:walk"], "seeds": [0, 1, 2]}]}

  is one run per environment and seed; "action_repeat" may be given too, and
  "flags" has further flags for them, with a name in "variant". Finished runs
  are skipped and interrupted ones resumed, so the same command completes a
  sweep however often it is stopped.
  """,
  define_flags=define_flags,
  run=_run,
  positional='suite',
  required=('suite',),
  examples=('mine.json --cores=0,1', 'mine.json --status'),
)
