"""Tests what runs in one process on a Python and a JAX: `make light`.

  python scripts/light.py --python=3.12,3.13 --jax=newest,oldest

For each pair it installs the package, built as a wheel and without extras, into
a fresh environment under `.light`, and runs the tests of `TESTS` there. uv
brings the interpreters that this machine lacks. With `--table=docs/index.md`
each pair's row in that page is written anew. Any Python from 3.8 on runs it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

import setup

FOLDER = os.path.join(setup.ROOT, '.light')
# Of the range in pyproject.toml.
OLDEST_JAX = '0.6.2'
TOOLS = (
  'gymnasium[mujoco]',
  'hypothesis',
  'pytest',
  'pytest-timeout',
  'pyyaml',
)
TESTS = (
  'tests/light_test.py',
  'tests/agents/quinoa/losses_test.py',
  'tests/environments/spec_json_test.py',
  'tests/networks/box_test.py',
  'tests/networks/flows/bijectors_test.py',
  'tests/utils/systems_test.py',
)
# In the table, and where it goes.
SHOWN = ('jax', 'numpy', 'dm-haiku', 'dm-control', 'mujoco')
BEGIN = '<!-- light made by scripts/light.py -->'
END = '<!-- end of light -->'


def run(*command, **kwargs):
  """Runs a command in the project, which must succeed."""
  if subprocess.call(command, cwd=setup.ROOT, **kwargs):
    raise setup.SetupError(f'{" ".join(command)} failed; see its lines above.')


def find_interpreter(version):
  """What uv takes for an interpreter: a path, or the version to bring."""
  prefix = setup.output_of('pyenv', 'prefix', version)
  path = prefix and os.path.join(prefix, 'bin', 'python' + version)
  return path if path and setup.output_of(path, '--version') else version


def install(uv, version, jax):
  """Makes the environment; returns the path of its interpreter."""
  venv = os.path.join(FOLDER, f'{version}-{jax}')
  shutil.rmtree(venv, ignore_errors=True)
  run(uv, 'venv', '--quiet', '--python', find_interpreter(version), venv)
  folder = 'Scripts' if sys.platform == 'win32' else 'bin'
  python = os.path.join(venv, folder, 'python')
  dist = os.path.join(FOLDER, 'dist')
  shutil.rmtree(dist, ignore_errors=True)
  run(uv, 'build', '--quiet', '--wheel', '--out-dir', dist)
  [wheel] = [name for name in os.listdir(dist) if name.endswith('.whl')]
  wanted = [os.path.join(dist, wheel), *TOOLS]
  if jax != 'newest':
    number = OLDEST_JAX if jax == 'oldest' else jax
    wanted += [f'jax=={number}', f'jaxlib=={number}']
  pip = (uv, 'pip', 'install', '--quiet', '--python', python)
  run(*pip, '--compile-bytecode', *wanted)
  if version == '3.13':
    # As the page on installing says.
    run(*pip, '--no-deps', 'dm-control')
  return python


def test(python):
  """Runs the tests; returns what pytest says at its end."""
  command = [python, '-I', '-m', 'pytest', *TESTS]
  # The package is the installed one, and not that of the source tree.
  command += ['-o', 'pythonpath=tests', '-p', 'no:cacheprovider']
  process = subprocess.Popen(
    command, cwd=setup.ROOT, stdout=subprocess.PIPE, text=True
  )
  last = ''
  for line in process.stdout:
    print(line, end='', flush=True)
    last = line.strip('= \n') or last
  if process.wait():
    raise setup.SetupError(f'the tests failed with {python}.')
  return last


def versions_of(python):
  """The versions of `SHOWN`, in that order."""
  code = (
    'import sys; from importlib import metadata;'
    'print(*map(metadata.version, sys.argv[1:]))'
  )
  return setup.output_of(python, '-c', code, *SHOWN).split()


def write(path, version, said, versions):
  """Writes a row of the table in a page, in the place of an earlier one."""
  with open(path) as file:
    before, rest = file.read().split(BEGIN)
  table, after = rest.split(END)
  head = ['Python', *SHOWN, 'tests']
  rows = {
    tuple(line.strip('| \n').split(' | '))
    for line in table.splitlines()[3:]
    if line.strip()
  }
  passed = re.findall(r'(\d+) passed', said)[0]
  row = (version, *versions, passed)
  rows = [x for x in rows if x[:2] != row[:2]] + [row]
  rows.sort(key=lambda x: [[int(n) for n in y.split('.')] for y in x[:2]])
  lines = [head, ['---'] * len(head), *rows]
  table = '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)
  with open(path, 'w') as file:
    file.write(f'{before}{BEGIN}\n{table}\n{END}{after}')


def main():
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--python', default='3.12', help='e.g. 3.11,3.12')
  parser.add_argument(
    '--jax', default='newest', help='newest, oldest, or a version'
  )
  parser.add_argument('--table', help='the page whose table is renewed')
  values = parser.parse_args()
  uv = setup.find_uv(None)
  for version in values.python.split(','):
    for jax in values.jax.split(','):
      python = install(uv, version, jax)
      versions = versions_of(python)
      pairs = zip(SHOWN, versions)  # noqa: B905  Python 3.8 has no strict.
      found = ', '.join(f'{x} {y}' for x, y in pairs)
      setup.say(f'Python {version}, {found}')
      said = test(python)
      if values.table:
        write(values.table, version, said, versions)


if __name__ == '__main__':
  try:
    main()
  except (setup.SetupError, OSError) as error:
    sys.exit(f'light: {error}')
