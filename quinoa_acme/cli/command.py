"""A command: its flags, its help, and how to run it."""

from collections.abc import Callable, Sequence
import dataclasses
import inspect
import sys
import textwrap
from typing import NoReturn

from absl import app
from absl import flags

from quinoa_acme.runs import scripts
from quinoa_acme.runs import usage as usage_lib
from quinoa_acme.runs.watching import terminal
from quinoa_acme.utils import resources

_WIDTH = 80


class CommandError(Exception):
  """A command cannot do its work; says why, in one line."""


@dataclasses.dataclass(frozen=True)
class Command:
  """A command of the command line.

  Attributes:
    name: its name.
    summary: what it does, in one line.
    about: what it does, in a few lines.
    define_flags: defines its flags; imports nothing slow.
    run: does its work; may raise a `CommandError`.
    positional: the flag that an argument without a name sets, or ''.
    required: the flags that must be given.
    examples: example arguments, one line each.
    role: of its process, for `resources`, if it computes itself; otherwise ''.
  """

  name: str
  summary: str
  about: str
  define_flags: Callable[[flags.FlagValues], None]
  run: Callable[[flags.FlagValues], None]
  positional: str = ''
  required: tuple[str, ...] = ()
  examples: tuple[str, ...] = ()
  role: str = ''


def run(command: Command, program: str, arguments: Sequence[str]) -> NoReturn:
  """Runs a command line, and ends the process.

  Args:
    command: the command.
    program: its name as called, e.g. 'quinoa evaluate'.
    arguments: the arguments after it.
  """
  scripts.end_quietly_on_interrupt()
  if command.role:
    # Before JAX is imported.
    resources.configure_process(command.role)
  values = flags.FLAGS
  command.define_flags(values)

  def parse_flags(argv: list[str]) -> list[str]:
    if usage_lib.asks_for_help(argv):
      terminal.say(describe(command, program))
      sys.exit(0)
    try:
      return parse(command, values, argv)
    except flags.Error as error:
      sys.exit(f'error: {error} {program} --help lists all flags.')

  def main(argv: list[str]) -> None:
    scripts.begin(argv)
    run_parsed(command, values)

  # Other packages' flags, and the lock, identify the program by this name.
  sys.argv = [program, *arguments]
  app.run(main, argv=sys.argv, flags_parser=parse_flags)
  raise AssertionError('app.run does not return.')


def parse(
  command: Command, values: flags.FlagValues, argv: Sequence[str]
) -> list[str]:
  """Parses a command line.

  Args:
    command: the command, whose flags are defined.
    values: the flags.
    argv: the program's name and its arguments.

  Returns:
    The program's name.

  Raises:
    flags.Error: if it is wrong.
  """
  program, *rest = values(argv)
  name = command.positional
  if name and rest and not values[name].present:
    values[name].parse(rest.pop(0))
    values[name].using_default_value = False
  if rest:
    more = f', or a {name.upper()} alone' if name else ''
    raise flags.Error(f'{rest[0]!r} is no flag: they begin with --{more}.')
  return [program]


def run_parsed(command: Command, values: flags.FlagValues) -> None:
  """Runs a command whose flags are parsed; exits if it cannot."""
  for name in command.required:
    if not values[name].value:
      sys.exit(
        f'error: --{name} is not set: {_sentence(values[name].help or "")}'
      )
  try:
    command.run(values)
  except CommandError as error:
    sys.exit(f'error: {error}')


def describe(command: Command, program: str) -> str:
  """The text of `--help`, one screen.

  Args:
    command: the command.
    program: its name as called, e.g. 'quinoa evaluate'.

  Returns:
    The text.
  """
  values = flags.FlagValues()
  command.define_flags(values)
  usage = f'usage: {program}'
  if command.positional:
    usage += f' {command.positional.upper()}'
  rows = [
    (
      f'--{name}',
      _sentence(flag.help or '') + _default_of(flag.default_as_str),
    )
    for name in values
    for flag in [values[name]]
  ]
  lines = [f'{usage} [--flags]', '', inspect.cleandoc(command.about), '']
  lines += ['Flags:', *table(rows)]
  if command.examples:
    lines += ['', 'Examples:']
    lines += [f'  {program} {example}' for example in command.examples]
  return '\n'.join(lines)


def table(rows: Sequence[tuple[str, str]]) -> list[str]:
  """The lines of names and descriptions, in two columns."""
  width = max(len(name) for name, _ in rows) + 4
  lines = []
  for name, text in rows:
    first = f'  {name}'.ljust(width)
    lines += textwrap.wrap(
      text,
      _WIDTH,
      initial_indent=first,
      subsequent_indent=' ' * width,
      break_long_words=False,
      break_on_hyphens=False,
    )
  return lines


def _default_of(text: str | None) -> str:
  text = (text or '').strip("'")
  return f' (default: {text})' if text else ''


def _sentence(text: str) -> str:
  text = ' '.join(text.split())
  return text if text.endswith('.') else f'{text}.'
