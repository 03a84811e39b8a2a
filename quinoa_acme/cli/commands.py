"""Finds the command for a word on the command line."""

from collections.abc import Callable, Mapping, Sequence
import difflib
from importlib import metadata
import sys
from typing import NamedTuple, NoReturn

from quinoa_acme import doctor
from quinoa_acme.cli import command
from quinoa_acme.cli import evaluate
from quinoa_acme.cli import export
from quinoa_acme.cli import plot
from quinoa_acme.cli import push_to_hub
from quinoa_acme.cli import record
from quinoa_acme.cli import sweep
from quinoa_acme.cli import train
from quinoa_acme.runs import usage as usage_lib
from quinoa_acme.runs.watching import terminal

PROGRAM = 'quinoa'
# Commands whose flags are all known in advance.
COMMANDS: Mapping[str, command.Command] = {
  x.name: x
  for x in (
    evaluate.COMMAND,
    record.COMMAND,
    export.COMMAND,
    push_to_hub.COMMAND,
    plot.COMMAND,
    sweep.COMMAND,
  )
}


class _Entry(NamedTuple):
  summary: str
  run: Callable[[str, Sequence[str]], object]


def _entries() -> dict[str, _Entry]:
  """All commands, in the order of the help."""

  def entry(x: command.Command) -> _Entry:
    return _Entry(x.summary, lambda *given: command.run(x, *given))

  return {
    'train': _Entry(train.SUMMARY, train.run),
    **{name: entry(x) for name, x in COMMANDS.items()},
    'doctor': _Entry(
      'Check what this machine lacks, and say what mends it.',
      lambda program, given: sys.exit(doctor.main(given, program)),
    ),
  }


def main(arguments: Sequence[str]) -> NoReturn:
  """Runs a command line, and ends the process.

  Args:
    arguments: the arguments after the program's name.
  """
  entries = _entries()
  name, *rest = arguments or ['--help']
  if name == '--version':
    terminal.say(f'{PROGRAM} {metadata.version("quinoa-acme")}')
    sys.exit(0)
  if usage_lib.asks_for_help([PROGRAM, name]):
    terminal.say(_describe(entries))
    # Without a command there is nothing to do.
    sys.exit(0 if arguments else 1)
  if name not in entries:
    near = difflib.get_close_matches(name, entries, n=1)
    hint = f'; did you mean {near[0]!r}?' if near else '.'
    sys.exit(
      f'error: there is no command {name!r}{hint} There are '
      f'{", ".join(entries)}.'
    )
  entries[name].run(f'{PROGRAM} {name}', rest)
  raise AssertionError('A command ends the process.')


def run_script(name: str) -> NoReturn:
  """Runs a script of `experiments/` that is a command by another name.

  Args:
    name: of the command.
  """
  command.run(COMMANDS[name], f'python {sys.argv[0]}', sys.argv[1:])


def _describe(entries: Mapping[str, _Entry]) -> str:
  rows = [(name, entry.summary) for name, entry in entries.items()]
  return '\n'.join(
    [
      f'usage: {PROGRAM} COMMAND [--flags]',
      '       python -m quinoa_acme COMMAND [--flags]',
      '',
      'Trains agents for continuous control, and shows what they do.',
      '',
      'Commands:',
      *command.table(rows),
      '',
      f'{PROGRAM} COMMAND --help lists the flags of one,',
      f'{PROGRAM} --version prints the version.',
      '',
      'Examples:',
      f'  {PROGRAM} train --preset=direct --workdir=runs/mine \\',
      '    --env_name=control:walker:walk --num_steps=60000',
      f'  {PROGRAM} evaluate runs/mine --video=out.mp4',
    ]
  )
