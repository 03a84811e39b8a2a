"""The flags of a training script, read from the source without importing it.

A training script takes a second to import what it needs, and several on a busy
machine. So `--help` and unknown flags are answered at once.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import difflib
import functools
import inspect
import pathlib
import re
import textwrap
from typing import NamedTuple

from absl import app
from absl import flags

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_HELP = ('help', 'helpshort', 'helpfull', 'h', '?')
# Flags of packages that a script imports, known here before it does.
_OTHERS = (
  'acme_id',
  'chex_',
  'hbm_oom_exit',
  'lp_',
  'op_conversion_fallback_to_while_loop',
  'runtime_oom_exit',
  'test_',
  'tmux_',
  'xm_',
  'xml_output_file',
)
# Those of Launchpad.
_LAUNCHPADS = ('lp_', 'tmux_', 'xm_')
# What absl reads as false.
_FALSE = ('false', 'f', '0')
_WIDTH = 80


class Flag(NamedTuple):
  """One flag.

  Attributes:
    name: of the flag.
    default: as written in the source; '' if there is none.
    meaning: what it is for.
  """

  name: str
  default: str
  meaning: str


class Usage(NamedTuple):
  """The usage of a training script.

  Attributes:
    groups: its flags, by group.
    presets: the meaning of each preset.
    agent_fields: the flags that are fields of the agent's configuration.
  """

  groups: Mapping[str, Sequence[Flag]]
  presets: Mapping[str, str]
  agent_fields: Sequence[str]

  def flag(self, name: str) -> Flag:
    """The flag with a name."""
    return next(
      x for group in self.groups.values() for x in group if x.name == name
    )


# Flags that are not a field of a configuration.
LAUNCH_TYPE = Flag(
  'lp_launch_type',
  'local_mp',
  'How to launch a distributed run: local_mp, a process per node; '
  'local_mt or test_mt, threads; vertex_ai, machines on Google Cloud.',
)


OWN_FLAGS = (
  Flag(
    'env_name',
    'control:cheetah:run',
    'The task: control:<domain>:<task>, or gymnasium:<id>.',
  ),
  Flag(
    'workdir',
    '',
    "The run's folder; with the same folder a run resumes. By default a "
    'new one below runs/.',
  ),
  Flag('preset', 'default', 'The configuration to start from; see below.'),
  Flag(
    'run_distributed',
    'true',
    'Launchpad nodes; false: one process, deterministic.',
  ),
  LAUNCH_TYPE,
  Flag(
    'allow_changes',
    '',
    'Flags, separated by commas, whose values may differ from those with '
    'which the run in the workdir began.',
  ),
  Flag(
    'logger',
    'csv,tensorboard',
    'Where rows go, separated by commas: csv, always; tensorboard; wandb '
    '(Weights & Biases) and mlflow, each with the extra of its name.',
  ),
  Flag('machines', '', 'For the nodes on Vertex AI: Machines(...).'),
  Flag(
    'modules',
    '',
    'Your own modules that register agents or flows, separated by commas; '
    'they are imported first. Each is a module or path/to/file.py.',
  ),
)


EXAMPLES = (
  '--env_name=control:cartpole:swingup --num_steps=20000',
  '--run_distributed=false --preset=debug --num_steps=2000',
)


def asks_for_help(argv: Sequence[str]) -> bool:
  """Whether a command line, including the program's name, asks for help."""
  return any(
    arg.startswith('-') and arg.lstrip('-') in _HELP for arg in _flags_of(argv)
  )


def _flags_of(argv: Sequence[str]) -> Iterator[str]:
  """The possible flags: all but the script's name, up to '--'."""
  for arg in argv[1:]:
    if arg == '--':
      return
    yield arg


def check_names(
  argv: Sequence[str], names: Sequence[str], options: Sequence[str] = ()
) -> None:
  """Checks that all flags exist.

  Args:
    argv: the command line.
    names: of the script's own flags.
    options: those whose values may have fields, each of which is a flag too:
      `--temperature.epsilon`.

  Raises:
    flags.UnrecognizedFlagError: if one does not; suggests the nearest flags.
  """
  app.define_help_flags()
  known = [*names, *flags.FLAGS]
  for arg in _flags_of(argv):
    name = _name_of(arg)
    # Perhaps the previous flag's value: absl will say.
    is_value = not arg.startswith('-') or name[:1].isdecimal()
    if is_value or name.startswith(_OTHERS):
      continue
    option, dot, field = name.partition('.')
    if dot:
      if option not in options:
        near = difflib.get_close_matches(option, options)
        raise flags.UnrecognizedFlagError(
          name, suggestions=[f'{x}.{field}' for x in near]
        )
    elif name not in known and name.removeprefix('no') not in known:
      near = difflib.get_close_matches(name, names)
      raise flags.UnrecognizedFlagError(name, suggestions=near)


def is_in_one_process(argv: Sequence[str]) -> bool:
  """Whether a command line asks for one process, and needs no Launchpad.

  Args:
    argv: the command line, including the program's name.

  Returns:
    Whether it does; not if it has other flags of Launchpad's, or a file of
    flags.
  """
  in_one = False
  for arg in _flags_of(argv):
    name = _name_of(arg)
    if not arg.startswith('-'):
      continue
    if name in ('run_distributed', 'norun_distributed'):
      value = arg.partition('=')[2].lower()
      in_one = name.startswith('no') or value in _FALSE
    elif name == 'flagfile' or (
      name != LAUNCH_TYPE.name and name.startswith(_LAUNCHPADS)
    ):
      return False
  return in_one


def find_nested(argv: Sequence[str]) -> list[str]:
  """The command line's flags for fields of fields, each once."""
  names = [_name_of(arg) for arg in _flags_of(argv) if arg.startswith('-')]
  return list(
    dict.fromkeys(x for x in names if re.fullmatch(r'[a-z_]\w*(\.\w+)+', x))
  )


def _name_of(arg: str) -> str:
  return arg.lstrip('-').partition('=')[0].replace('-', '_')


def list_agents() -> list[str]:
  """The package's agents, each with a folder, without importing any."""
  configs = (_ROOT / 'quinoa_acme' / 'agents').glob('*/config.py')
  return sorted(path.parent.name for path in configs)


def read_usage(algorithm: str) -> Usage:
  """Reads the flags of a training script.

  Args:
    algorithm: a key of `experiment.PRESETS`.

  Returns:
    Its flags and presets.
  """
  path = _ROOT / 'quinoa_acme' / 'agents' / algorithm / 'config.py'
  if path.exists():
    return _read_source(algorithm)
  return _read_registered(algorithm)


def _read_registered(algorithm: str) -> Usage:
  """The usage of an agent from outside, whose module is already imported."""
  from quinoa_acme.agents.common import off_policy
  from quinoa_acme.runs import experiment

  make_default = experiment.find_preset(algorithm, 'default')
  agent = type(make_default())
  meanings: dict[str, str] = {}
  for base in reversed(agent.__mro__):
    meanings |= _read_attributes(inspect.cleandoc(base.__doc__ or ''))
  found = [
    Flag(field.name, repr(field.default), meanings.get(field.name, ''))
    for field in dataclasses.fields(agent)
  ]
  shared = {x.name for x in dataclasses.fields(off_policy.OffPolicyConfig)}
  presets = {
    name: 'The values above.'
    if name == 'default'
    else (inspect.getdoc(make) or '').split('\n\n')[0]
    for name, make in experiment.PRESETS[algorithm].items()
  }
  groups = {
    'The run': _run_flags(),
    'Replay and the update ratio': [x for x in found if x.name in shared],
    agent.__name__: [x for x in found if x.name not in shared],
  }
  return Usage(groups, presets, [flag.name for flag in found])


def _run_flags() -> Sequence[Flag]:
  """The flags of a run, whatever its agent."""
  path = _ROOT / 'quinoa_acme' / 'runs' / 'experiment.py'
  fields = _Class.read(path, 'experimentconfig').fields()
  own = ('agent', 'environment_factory', 'env_name', 'workdir', 'loggers')
  return (*OWN_FLAGS, *(flag for flag in fields if flag.name not in own))


@functools.cache
def _read_source(algorithm: str) -> Usage:
  """The usage of an agent of the package, without importing anything."""
  package = _ROOT / 'quinoa_acme'
  agent = _Class.read(
    package / 'agents' / algorithm / 'config.py', f'{algorithm}config'
  )
  own = agent.fields()
  replaced = [flag.name for flag in own]
  shared = [x for x in agent.base().fields() if x.name not in replaced]
  groups = {
    'The run': _run_flags(),
    'Replay and the update ratio': shared,
    f'{agent.name}': own,
  }
  names = [flag.name for flag in (*shared, *own)]
  presets = {'default': 'The values above.', **agent.presets()}
  return Usage(groups, presets, names)


def describe(program: str, about: str, usage: Usage) -> str:
  """The text of `--help`.

  Args:
    program: the command, e.g. 'python experiments/run_quinoa.py'.
    about: its docstring.
    usage: its flags.

  Returns:
    The text.
  """
  lines = [inspect.cleandoc(about)]
  for title, group in usage.groups.items():
    lines += ['', f'{title}:', *map(describe_flag, group)]
  lines += ['', 'Presets, whose values the flags replace:']
  for name, meaning in usage.presets.items():
    lines.append(_indent(f'{name}: {meaning}', 2))
  lines += ['', 'Examples:']
  lines += [f'  {program} {example}' for example in EXAMPLES]
  return '\n'.join(lines)


def describe_flag(flag: Flag) -> str:
  """The lines of `--help` for one flag."""
  default = f' (default: {flag.default})' if flag.default else ''
  return f'  --{flag.name}\n{_indent((flag.meaning + default).strip(), 6)}'


def _indent(text: str, width: int) -> str:
  indent = ' ' * width
  return textwrap.fill(
    text,
    _WIDTH,
    initial_indent=indent,
    subsequent_indent=indent,
    break_long_words=False,
    break_on_hyphens=False,
  )


class _Class(NamedTuple):
  """The source of a class.

  Attributes:
    name: of the class.
    node: its definition.
    module: of the file that it is in.
  """

  name: str
  node: ast.ClassDef
  module: ast.Module

  @classmethod
  def read(cls, path: pathlib.Path, name: str) -> '_Class':
    """Reads the class with a name, in any capitalisation."""
    module = ast.parse(path.read_text(encoding='utf-8'))
    node = next(
      x
      for x in module.body
      if isinstance(x, ast.ClassDef) and x.name.lower() == name.lower()
    )
    return cls(node.name, node, module)

  def base(self) -> '_Class':
    """Reads its first base, `module.Class`, through the file's imports."""
    module, _, name = ast.unparse(self.node.bases[0]).rpartition('.')
    for node in self.module.body:
      if isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
          if module == (alias.asname or alias.name):
            parts = (*node.module.split('.'), f'{alias.name}.py')
            return _Class.read(_ROOT.joinpath(*parts), name)
    raise ValueError(f'{self.name} does not import {module}.')

  def fields(self) -> list[Flag]:
    """Its own fields, with their descriptions from its docstring."""
    meanings = dict(_read_attributes(ast.get_docstring(self.node) or ''))
    return [
      Flag(
        x.target.id,
        _without_modules(ast.unparse(x.value)) if x.value else '',
        meanings.get(x.target.id, ''),
      )
      for x in self.node.body
      if isinstance(x, ast.AnnAssign) and isinstance(x.target, ast.Name)
    ]

  def presets(self) -> dict[str, str]:
    """Its class methods, with the first paragraph of each docstring."""
    return {
      x.name: (ast.get_docstring(x) or '').split('\n\n')[0]
      for x in self.node.body
      if isinstance(x, ast.FunctionDef)
      and 'classmethod' in map(ast.unparse, x.decorator_list)
    }


def _read_attributes(docstring: str) -> Iterator[tuple[str, str]]:
  """Yields name and text of each entry under 'Attributes:'."""
  part = docstring.partition('Attributes:\n')[2].split('\n\n')[0]
  for text in re.split(r'\n  (?=\w)', f'\n{part}'):
    name, colon, meaning = text.partition(':')
    if colon:
      yield name.strip(), ' '.join(meaning.split())


def _without_modules(source: str) -> str:
  return re.sub(r'\b[a-z_]\w*\.(?=[A-Z])', '', source)
