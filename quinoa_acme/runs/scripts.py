"""How a script begins: its flags, what is no flag of it, and Ctrl-C."""

from collections.abc import Callable
import inspect
import os
import pathlib
import signal
import sys

from absl import app
from absl import flags
from absl import logging

from quinoa_acme.runs import usage as usage_lib
from quinoa_acme.runs.watching import terminal

# The status of a process that was ended by SIGINT.
_INTERRUPTED = 130


def train(algorithm: str) -> None:
  """What a script that trains does, with the flags of the command line.

  Args:
    algorithm: a key of `configuring.PRESETS`.
  """
  script = sys.modules['__main__']
  begin_training(
    algorithm,
    lambda usage: usage_lib.describe(
      f'python {sys.argv[0]}', script.__doc__ or '', usage
    ),
  )


def begin_training(
  algorithm: str, tell: Callable[[usage_lib.Usage], str]
) -> None:
  """Trains by the flags of the command line, or tells them; does not return.

  Args:
    algorithm: a key of `configuring.PRESETS`.
    tell: makes the text of `--help`.
  """
  end_quietly_on_interrupt()
  usage = usage_lib.read_usage(algorithm)
  names = [flag.name for group in usage.groups.values() for flag in group]
  try:
    if usage_lib.asks_for_help(sys.argv):
      terminal.say(tell(usage))
      sys.exit(0)
    usage_lib.check_names(sys.argv, names, usage.agent_fields)
  except flags.Error as error:
    sys.exit(f'error: {error} --help tells all.')
  # Only now, for it takes a second.
  from quinoa_acme.runs import command_line

  train_by_flags = command_line.make_main(algorithm)

  def main(argv: list[str]) -> None:
    try:
      begin(argv)
    except app.UsageError as error:
      sys.exit(f'error: {error}')
    train_by_flags()

  run(main)


def run(main: Callable[[list[str]], None]) -> None:
  """Runs a script's `main`, with what the flags leave of the command line.

  `--help` has status 0, and Ctrl-C leaves no traceback.

  Args:
    main: takes the script's name and what follows the flags; may return or exit
      with a status.
  """
  end_quietly_on_interrupt()
  app.run(main, flags_parser=_parse_flags)


def _parse_flags(argv: list[str]) -> list[str]:
  if usage_lib.asks_for_help(argv):
    script = inspect.cleandoc(sys.modules['__main__'].__doc__ or '')
    own = flags.FLAGS.get_key_flags_for_module(argv[0])
    lines = [f'{script}\n\nFlags:']
    for flag in own:
      default = flag.default_as_str or ''
      text = ' '.join((flag.help or '').split())
      lines.append(
        usage_lib.describe_flag(
          usage_lib.Flag(flag.name, default.strip("'"), text)
        )
      )
    terminal.say('\n'.join(lines))
    sys.exit(0)
  try:
    return flags.FLAGS(argv)
  except flags.Error as error:
    sys.exit(f'error: {error} --help tells all.')


def begin(argv: list[str]) -> None:
  """What the `main` of a script does first.

  Args:
    argv: what the flags left of the command line.

  Raises:
    app.UsageError: if that is more than the script's name.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}; flags begin with --.')
  _expand_home(flags.FLAGS)
  if not flags.FLAGS['verbosity'].present:
    # The terminal is the progress line's.
    logging.set_verbosity(logging.WARNING)


def _expand_home(values: flags.FlagValues) -> None:
  """Reads ~ in paths, which a shell leaves as it is after `--flag=`."""
  for name in values:
    text = values[name].value
    if isinstance(text, str) and text.startswith('~'):
      values[name].value = os.path.expanduser(text)


def check_output(name: str, path: str | os.PathLike[str]) -> None:
  """Looks whether something can be written at a path, before it is made.

  Args:
    name: of the flag that gives the path.
    path: of a file or a folder, whose own folder may have to be made.

  Raises:
    ValueError: if it can not.
  """
  path = pathlib.Path(path).absolute()
  there = next(x for x in (path, *path.parents) if x.exists())
  if there == path and path.is_file():
    is_right = os.access(path, os.W_OK)
  else:
    is_right = there.is_dir() and os.access(there, os.W_OK)
  if not is_right:
    raise ValueError(
      f'--{name}={path}: nothing can be written at {there}. Give another.'
    )


def place_outputs(
  folder: str | os.PathLike[str], root: pathlib.Path, *paths: pathlib.Path
) -> list[pathlib.Path]:
  """Where a script writes files that the repository has.

  Args:
    folder: what `--output` gives; the repository itself renews its own.
    root: the repository.
    paths: of the files there.

  Returns:
    The same paths below the folder; their folders are made.

  Raises:
    ValueError: if one can not be written.
  """
  places = [pathlib.Path(folder, path.relative_to(root)) for path in paths]
  for place in places:
    check_output('output', place)
  for place in places:
    place.parent.mkdir(parents=True, exist_ok=True)
  return places


def end_quietly_on_interrupt() -> None:
  """Lets Ctrl-C end the process, until something takes the signal itself."""

  def end(number, frame):
    del number, frame
    os._exit(_INTERRUPTED)

  signal.signal(signal.SIGINT, end)
