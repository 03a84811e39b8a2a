"""Prints what the package exports, with every signature: `make api`.

A test compares the file with the code, so that a change of the public interface
is seen where it is reviewed.
"""

import argparse
import importlib
import inspect
import pathlib
import re

PATH = pathlib.Path(__file__).resolve().parents[1] / 'tests' / 'public_api.txt'
MODULES = (
  'quinoa_acme',
  'quinoa_acme.agents',
  'quinoa_acme.agents.quinoa',
  'quinoa_acme.networks',
)
_HEADER = '# What quinoa_acme exports; `make api` renews this file.\n'


def describe():
  """The text of the file."""
  lines = [_HEADER]
  paths = {}
  for module_name in MODULES:
    module = importlib.import_module(module_name)
    for name in sorted(module.__all__):
      path, value = f'{module_name}.{name}', getattr(module, name)
      first = paths.setdefault(id(value), path)
      lines += _describe(path, value) if first == path else [f'{path}: {first}']
  return '\n'.join(lines) + '\n'


def _describe(path, value):
  """The lines of one exported name."""
  if inspect.isclass(value):
    return [_signature(path, value), *_members(path, value)]
  if callable(value):
    return [_signature(path, value)]
  return [f'{path} = {value}']


def _members(path, cls):
  """The lines of the public methods and properties that are ours."""
  members = {}
  for base in reversed(cls.__mro__):
    if base.__module__.startswith('quinoa_acme'):
      members |= vars(base)
  lines = []
  for name, member in sorted(members.items()):
    if name.startswith('_') and name != '__call__':
      continue
    if isinstance(member, property):
      lines.append(f'{path}.{name}: property')
    elif isinstance(member, (classmethod, staticmethod)):
      lines.append(_signature(f'{path}.{name}', member.__func__))
    elif inspect.isfunction(member):
      lines.append(_signature(f'{path}.{name}', member))
  return lines


def _signature(path, value):
  """One callable, with a line for each parameter if it has more than one."""
  try:
    signature = inspect.signature(value)
  except ValueError:  # An exception's, which C code defines.
    return f'{path}(...)'
  returned = ''
  if signature.return_annotation is not inspect.Signature.empty:
    returned = f' -> {inspect.formatannotation(signature.return_annotation)}'
  parameters = [str(parameter) for parameter in signature.parameters.values()]
  text = ', '.join(parameters)
  if len(parameters) > 1:
    text = ''.join(f'\n    {parameter},' for parameter in parameters) + '\n'
  # The address of a default that is a function.
  return re.sub(r' at 0x[0-9a-f]+', '', f'{path}({text}){returned}')


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--output', help='a file for it')
  output = parser.parse_args().output
  if output:
    pathlib.Path(output).write_text(describe())
  else:
    print(describe(), end='')


if __name__ == '__main__':
  main()
