"""Every command of a document or a docstring has flags that are there."""

import pathlib
import re
import shlex

from absl import flags
import experiment_scripts
import pytest
import script_flags

from quinoa_acme.cli import command as command_lib
from quinoa_acme.cli import commands
from quinoa_acme.cli import train
from quinoa_acme.runs import command_line
from quinoa_acme.runs import running
from quinoa_acme.runs import usage as usage_lib

# Some name a module with a flow or an agent of its own.
pytestmark = pytest.mark.usefixtures('registers')

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_PAGES = (
  _ROOT / 'README.md',
  _ROOT / 'CONTRIBUTING.md',
  _ROOT / 'Makefile',
  *sorted((_ROOT / 'docs').glob('*.md')),
  experiment_scripts.EXPERIMENTS / 'README.md',
  *sorted(experiment_scripts.EXPERIMENTS.glob('*.py')),
)
_COMMAND = re.compile(
  r'^[\t ]*(?:taskset -c 0 )?(?:\$\(VENV\)/|\.venv/bin/)?python '
  r'experiments/(\w+)\.py(.*)$',
  re.MULTILINE,
)

_QUINOA = re.compile(
  rf'^[\t ]*(?:\.venv/bin/)?quinoa (train|{"|".join(commands.COMMANDS)})(.*)$',
  re.MULTILINE,
)


def _commands() -> list[tuple[str, str, list[str]]]:
  """The page, the script and the arguments of each."""
  found = []
  for page in _PAGES:
    text = page.read_text().replace('\\\n', ' ')
    for script, arguments in _COMMAND.findall(text):
      words = shlex.split(arguments.replace('$(ARGS)', ''), comments=True)
      found.append((page.name, script, words))
  return found


_COMMANDS = _commands()


def _name(command) -> str:
  page, script, words = command
  return f'{page}: {script} {" ".join(words)}'


def test_the_documents_have_commands():
  assert len(_COMMANDS) > 30
  pages = {page for page, _, _ in _COMMANDS}
  assert {'README.md', 'Makefile', 'results.md', 'tutorial.md'} <= pages


@pytest.mark.parametrize('command', _COMMANDS, ids=_name)
def test_its_flags_are_there_and_fit(command):
  _, script, words = command
  algorithm = script.removeprefix('run_')
  if script.startswith('run_') and algorithm in running.PRESETS:
    values = script_flags.define(algorithm)
    assert values([script, *words]) == [script]
    if values.lp_launch_type != 'vertex_ai':
      command_line.read_flags(algorithm, values)
    return
  with experiment_scripts.load(script):
    own = words[: words.index('--')] if '--' in words else words
    assert flags.FLAGS([script, *own]) == [script]


def _quinoa_commands() -> list[tuple[str, str, list[str]]]:
  """As `_commands`, of the command `quinoa`."""
  found = []
  for page in _PAGES:
    text = page.read_text().replace('\\\n', ' ')
    for name, arguments in _QUINOA.findall(text):
      found.append((page.name, name, shlex.split(arguments, comments=True)))
  return found


@pytest.mark.parametrize('command', _quinoa_commands(), ids=_name)
def test_the_flags_of_quinoa_are_there_and_fit(command):
  _, name, words = command
  if usage_lib.asks_for_help([name, *words]):
    return
  if name == 'train':
    agent, rest = train.take_agent(words)
    values = script_flags.define(agent, usage_lib.find_nested([name, *rest]))
    assert values([name, *rest]) == [name]
    command_line.read_flags(agent, values)
    return
  values = flags.FlagValues()
  commands.COMMANDS[name].define_flags(values)
  command_lib.parse(commands.COMMANDS[name], values, [name, *words])


def test_the_documents_have_commands_of_quinoa():
  assert {name for _, name, _ in _quinoa_commands()} == {
    'train',
    *commands.COMMANDS,
  }
