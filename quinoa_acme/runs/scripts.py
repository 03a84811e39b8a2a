"""How a script starts: its flags, unknown flags, and Ctrl-C."""

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

# The exit status of a process ended by SIGINT.
_INTERRUPTED = 130


def train(algorithm: str) -> None:
  """Runs a training script, with the flags of the command line.

  Args:
    algorithm: a key of `experiment.PRESETS`.
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
  """Trains by the flags of the command line, or prints them; does not return.

  Args:
    algorithm: a key of `experiment.PRESETS`.
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
    sys.exit(f'error: {error} --help lists all flags.')
  # Only now, because it takes a second.
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
  """Runs a script's `main` on the rest of the command line after the flags.

  `--help` exits with status 0, and Ctrl-C prints no traceback.

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
    sys.exit(f'error: {error} --help lists all flags.')


def begin(argv: list[str]) -> None:
  """The first call in a script's `main`.

  Args:
    argv: the rest of the command line after the flags.

  Raises:
    app.UsageError: if there is more than the script's name.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}; flags begin with --.')
  _expand_home(flags.FLAGS)
  if not flags.FLAGS['verbosity'].present:
    # The terminal is for the progress line.
    logging.set_verbosity(logging.WARNING)


def _expand_home(values: flags.FlagValues) -> None:
  """Expands ~ in paths, which a shell does not do after `--flag=`."""
  for name in values:
    text = values[name].value
    if isinstance(text, str) and text.startswith('~'):
      values[name].value = os.path.expanduser(text)


def check_output(name: str, path: str | os.PathLike[str]) -> None:
  """Checks that something can be written at a path, before it is made.

  Args:
    name: of the flag that gives the path.
    path: of a file or a folder, whose parent folder may have to be made.

  Raises:
    ValueError: if it cannot.
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
  """Paths for a script's outputs, of which the repository has copies.

  Args:
    folder: the value of `--output`; for the repository itself, its copies are
      renewed.
    root: the repository.
    paths: of the files there.

  Returns:
    The same paths below the folder; their folders are made.

  Raises:
    ValueError: if one cannot be written.
  """
  places = [pathlib.Path(folder, path.relative_to(root)) for path in paths]
  for place in places:
    check_output('output', place)
  for place in places:
    place.parent.mkdir(parents=True, exist_ok=True)
  return places


def end_quietly_on_interrupt() -> None:
  """Lets Ctrl-C end the process, until something handles the signal itself."""

  def end(number, frame):
    del number, frame
    os._exit(_INTERRUPTED)

  signal.signal(signal.SIGINT, end)
