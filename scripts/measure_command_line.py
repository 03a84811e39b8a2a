"""Measures libraries that read nested configurations off a command line.

  .setup/uv/bin/uv pip install --python .venv/bin/python --target /tmp/parsers \
    --no-deps tyro==1.0.17 simple-parsing==0.1.9 jsonargparse==4.53.0 \
    fiddle==0.3.0 docstring-parser typeguard libcst graphviz
  PYTHONPATH=/tmp/parsers .venv/bin/python scripts/measure_command_line.py

Each reads our own `QuinoaConfig`, whole, beginning with the preset `direct`.
The seconds are of processor, in a fresh process, the least of several. What is
left unread is shown, and so is what became of the preset.
docs/decisions/0041-the-tree.md has what came of it.
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import types

_FLOW = {
  'tyro': [
    'flow:energy-flow-config',
    'flow.couplings:tilt-couplings',
    '--flow.couplings.num-couplings=3',
  ],
  'simple_parsing': ['--couplings=tiltcouplings'],
  'jsonargparse': [
    '--agent.flow=EnergyFlowConfig',
    '--agent.flow.couplings=TiltCouplings',
    '--agent.flow.couplings.num_couplings=3',
  ],
  'fiddle': ['--agent=set:flow.max_tilt=100.0'],
  'ours': ['--flow=EnergyFlowConfig(couplings=TiltCouplings(num_couplings=3))'],
}
_BATCH = {
  'tyro': '--batch-size={}',
  'simple_parsing': '--batch_size={}',
  'jsonargparse': '--agent.batch_size={}',
  'fiddle': '--agent=set:batch_size={}',
  'ours': '--batch_size={}',
}


def _read(library, arguments):
  """Reads the configuration by a library; gives what it left, too."""
  if library == 'ours':
    from absl import flags

    from quinoa_acme.runs import usage as usage_lib

    usage = usage_lib.read_usage('quinoa')
    names = [flag.name for group in usage.groups.values() for flag in group]
    if usage_lib.asks_for_help(['ours', *arguments]):
      print(usage_lib.describe('ours', '', usage))
      sys.exit(0)
    try:
      usage_lib.check_names(['ours', *arguments], names, usage.agent_fields)
    except flags.Error as error:
      sys.exit(f'error: {error}')
  from quinoa_acme.agents.quinoa import QuinoaConfig

  base = QuinoaConfig.direct()
  if library == 'ours':
    from quinoa_acme.utils import options

    left = [x for x in arguments if x.startswith('--lp_')]
    given = [x[2:].split('=', 1) for x in arguments if x not in left]
    try:
      return options.replace(base, dict(given)), left
    except ValueError as error:
      sys.exit(f'error: {error}')
  if library == 'tyro':
    import tyro

    return tyro.cli(
      QuinoaConfig, default=base, args=arguments, return_unknown_args=True
    )
  if library == 'simple_parsing':
    import simple_parsing

    parser = simple_parsing.ArgumentParser()
    parser.add_arguments(QuinoaConfig, dest='agent', default=base)
    values, left = parser.parse_known_args(arguments)
    return values.agent, left
  if library == 'jsonargparse':
    import jsonargparse

    parser = jsonargparse.ArgumentParser()
    parser.add_argument('--agent', type=QuinoaConfig, default=base)
    values = parser.parse_args(arguments)
    return parser.instantiate(values).agent, []
  if library == 'fiddle':
    from absl import app
    from absl import flags
    import fiddle
    from fiddle import absl_flags

    def buildable(value):
      """Fiddle's form of a dataclass, and of those in it."""
      if not dataclasses.is_dataclass(value):
        return value
      fields = {name: buildable(field) for name, field in vars(value).items()}
      return fiddle.Config(type(value), **fields)

    presets = types.ModuleType('presets')
    vars(presets)['direct'] = lambda: buildable(base)
    app.define_help_flags()
    flag = absl_flags.DEFINE_fiddle_config(
      'agent', default_module=presets, help_string='The agent.'
    )
    left = flags.FLAGS(
      ['x', '--agent=config:direct', *arguments], known_only=True
    )
    return fiddle.build(flag.value), left[1:]
  raise ValueError(library)


def _one(library, arguments):
  """What a measured process does."""
  config, left = _read(library, arguments)
  from quinoa_acme.agents.quinoa import QuinoaConfig

  direct = QuinoaConfig.direct()
  changed = [
    name for name in vars(direct) if vars(config)[name] != vars(direct)[name]
  ]
  print(f'changed {", ".join(changed) or "nothing"}; left {left}')


def _measure(library, arguments, repeats):
  """The least seconds of processor, the status, and the last line said."""
  seconds = []
  for _ in range(repeats):
    before = os.times()
    command = [sys.executable, __file__, '--one', library, '--', *arguments]
    if library == 'imports':
      code = 'from quinoa_acme.agents.quinoa import QuinoaConfig'
      command = [sys.executable, '-c', code]
    result = subprocess.run(
      command,
      capture_output=True,
      text=True,
      check=False,
      env={**os.environ, 'TERM': 'dumb', 'COLUMNS': '80'},
    )
    after = os.times()
    seconds.append(
      after.children_user
      + after.children_system
      - before.children_user
      - before.children_system
    )
  lines = (result.stdout + result.stderr).strip().splitlines() or ['']
  return min(seconds), result.returncode, len(lines), lines[-1]


def main():
  """Does what the command line says."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--repeats', type=int, default=5, help='of each')
  parser.add_argument('--one', help=argparse.SUPPRESS)
  parser.add_argument('rest', nargs='*', help=argparse.SUPPRESS)
  values = parser.parse_args()
  if values.one:
    _one(values.one, values.rest)
    return
  seconds, *_ = _measure('imports', [], values.repeats)
  print(f'importing the configuration alone: {seconds:.2f} s')
  for library in _FLOW:
    cases = {
      'help': ['--help'],
      'nothing': [],
      'typo': [_BATCH[library].format(64).replace('batch', 'bach')],
      'not a number': [_BATCH[library].format('abc')],
      'nested': _FLOW[library],
      'nested, then another': [*_FLOW[library], _BATCH[library].format(64)],
      "Launchpad's flag": ['--lp_launch_type=local_mt'],
    }
    for name, arguments in cases.items():
      seconds, status, lines, said = _measure(
        library, arguments, values.repeats
      )
      print(
        f'{library}, {name}: {seconds:.2f} s, status {status}, {lines} lines, '
        f'last: {said[:160]}'
      )


if __name__ == '__main__':
  main()
