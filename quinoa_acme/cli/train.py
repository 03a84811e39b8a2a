"""`quinoa train`: trains an agent, or resumes a run."""

from collections.abc import Sequence
import difflib
import sys
import textwrap
from typing import NoReturn

from quinoa_acme.cli import command
from quinoa_acme.runs import scripts
from quinoa_acme.runs import usage as usage_lib
from quinoa_acme.utils import resources

SUMMARY = 'Train an agent, or resume a run that was interrupted.'
_DEFAULT = 'quinoa'
_FULL_HELP = ('helpfull',)
# The flags for a first run.
_SHOWN = (
  'env_name',
  'num_steps',
  'workdir',
  'preset',
  'seed',
  'run_distributed',
  'lp_launch_type',
  'num_actors',
)
# For flags whose meaning takes more than a line or two.
_SHORT = {
  'workdir': "The run's folder; with the same folder a run resumes.",
  'lp_launch_type': 'Processes, local_mp; threads, local_mt or test_mt; or '
  'Google Cloud, vertex_ai.',
}
_ABOUT = {
  'quinoa': 'Quinoa',
  'svg0': 'SVG(0)',
  'sac': "Acme's SAC",
  'd4pg': "Acme's D4PG",
}


def run(program: str, arguments: Sequence[str]) -> NoReturn:
  """Runs a command line, and ends the process.

  Args:
    program: the name as called.
    arguments: the arguments after it.
  """
  agent, rest = take_agent(arguments)
  agents = usage_lib.list_agents()
  if agent not in agents and (modules := _modules_of(rest)):
    agents = _registered(modules)
  if agent not in agents:
    near = difflib.get_close_matches(agent, agents, n=1)
    hint = f'; did you mean {near[0]!r}?' if near else '.'
    sys.exit(
      f'error: --agent={agent}: there is no such agent{hint} There are '
      f'{", ".join(agents)}.'
    )
  resources.configure_process('learner')
  sys.argv = [program, *rest]
  tells_all = any(x.lstrip('-') in _FULL_HELP for x in rest if x[:1] == '-')

  def tell(usage: usage_lib.Usage) -> str:
    if tells_all:
      return usage_lib.describe(program, _about(agent), usage)
    return _describe(program, agent, agents, usage)

  scripts.begin_training(agent, tell)
  raise AssertionError('Training ends the process.')


def _modules_of(arguments: Sequence[str]) -> list[str]:
  """The modules in a command line: --modules=a,b or --modules a,b."""
  for argument, following in zip(arguments, [*arguments[1:], ''], strict=False):
    name, equals, value = argument.partition('=')
    if name in ('--modules', '-modules'):
      return (value if equals else following).split(',')
  return []


def _registered(modules: Sequence[str]) -> list[str]:
  """All agents, after importing the user's modules."""
  from quinoa_acme.agents import registry
  from quinoa_acme.utils import user_modules

  try:
    user_modules.load_all(modules)
  except ValueError as error:
    sys.exit(f'error: {error}')
  return sorted({*usage_lib.list_agents(), *registry.PRESETS})


def take_agent(arguments: Sequence[str]) -> tuple[str, list[str]]:
  """Takes --agent out of a command line.

  Args:
    arguments: the arguments after the command's name.

  Returns:
    The agent, and the other arguments.
  """
  agent, rest = _DEFAULT, []
  left = iter(arguments)
  for argument in left:
    name, equals, value = argument.partition('=')
    if argument == '--':
      rest += [argument, *left]
    elif name in ('--agent', '-agent'):
      agent = value if equals else next(left, '')
    else:
      rest.append(argument)
  return agent, rest


def _about(agent: str) -> str:
  return (
    f'Trains {_ABOUT.get(agent, agent)} on a continuous-control task, or '
    'resumes a run.'
  )


def _describe(
  program: str, agent: str, agents: Sequence[str], usage: usage_lib.Usage
) -> str:
  """The text of `--help`, one screen."""
  rows = [('--agent', f'{", ".join(agents)}. (default: {_DEFAULT})')]
  for name in _SHOWN:
    flag = usage.flag(name)
    default = f' (default: {flag.default})' if flag.default else ''
    meaning = _SHORT.get(name, flag.meaning)
    rows.append((f'--{name}', meaning[:1].upper() + meaning[1:] + default))
  others = [
    flag.name
    for group in usage.groups.values()
    for flag in group
    if flag.name not in _SHOWN
  ]
  return '\n'.join(
    [
      f'usage: {program} [--flags]',
      '',
      _about(agent),
      '',
      'Flags of a first run:',
      *command.table(rows),
      '',
      'Every other option is a flag too, written as in Python, and a dot leads',
      "into one: --temperature='FixedTemperature(0.1)', --flow.max_tilt=100.",
      f'{program} --helpfull explains each:',
      _wrap(others),
      '',
      'Presets, whose values the flags replace:',
      _wrap(list(usage.presets)),
      '',
      'Examples:',
      *(f'  {program} {example}' for example in usage_lib.EXAMPLES),
    ]
  )


def _wrap(names: Sequence[str]) -> str:
  return textwrap.fill(
    ', '.join(names), 78, initial_indent='  ', subsequent_indent='  '
  )
