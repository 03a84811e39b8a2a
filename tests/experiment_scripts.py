"""Runs a script of `experiments/` in this process, up to its `main`."""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import re
import runpy
from typing import Any, NamedTuple

from absl import flags

from quinoa_acme.cli import command as command_lib
from quinoa_acme.cli import commands

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[1] / 'experiments'


class Script(NamedTuple):
  """What running a script has made."""

  names: dict[str, Any]
  # The names of its own flags.
  flags: set[str]


@contextlib.contextmanager
def load(name: str) -> Iterator[Script]:
  """Loads a script; its flags go again, for other scripts have such.

  So do the variables that a script sets for its process.
  """
  values, variables = flags.FLAGS, dict(os.environ)
  before = set(values)
  try:
    path = EXPERIMENTS / f'{name}.py'
    names = runpy.run_path(str(path))
    if match := re.search(r"commands\.run_script\('(\w+)'\)", path.read_text()):
      command = commands.COMMANDS[match[1]]
      command.define_flags(values)
      names['main'] = lambda _: command_lib.run_parsed(command, values)
    yield Script(names, set(values) - before)
  finally:
    for flag in set(values) - before:
      delattr(values, flag)
    values.mark_as_parsed()
    os.environ.clear()
    os.environ.update(variables)
