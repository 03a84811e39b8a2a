"""Makes `.venv` with the locked packages: `make setup`, or run it yourself.

Any Python from 3.7 on runs this file, with nothing installed. It finds Python
3.10 and uv, or gets them, and lets uv install what uv.lock names. Once that is
done, running it again only looks whether something has changed.

QUINOA_PYTHON=/path/to/python3.10 names the Python 3.10 to use.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV_PYTHON = os.path.join(ROOT, '.venv', 'bin', 'python')
STAMP = os.path.join(ROOT, '.venv', '.setup-stamp')
PREFLIGHT = os.path.join(ROOT, 'quinoa_acme', '_preflight.py')
OWN_UV = os.path.join(ROOT, '.setup', 'uv')


class SetupError(Exception):
  """Says in one line what failed, and what to do."""


def say(line):
  print('setup: ' + line, flush=True)


def output_of(*command):
  """The last line that the command prints, or None if it does not run."""
  # A pyenv shim exists for every tool of every version, and fails when the
  # active version lacks it: only running a tool shows that it is there.
  try:
    output = subprocess.check_output(
      command, stderr=subprocess.DEVNULL, text=True
    )
  except (OSError, subprocess.CalledProcessError):
    return None
  return (output.strip().splitlines() or [''])[-1]


def python_310_at(command):
  """The path of the interpreter that `command` starts, if it is Python 3.10."""
  # Inside a virtual environment this is the interpreter it was made from, so
  # that .venv never depends on another environment, nor on itself.
  answer = output_of(
    command,
    '-c',
    'import sys; print("%d.%d" % sys.version_info[:2],'
    ' getattr(sys, "_base_executable", None) or sys.executable)',
  )
  version, _, path = (answer or '').partition(' ')
  return os.path.realpath(path) if version == '3.10' else None


def find_python():
  """The path of a Python 3.10, or None if there is none on this machine."""
  named = os.environ.get('QUINOA_PYTHON')
  if named:
    path = python_310_at(named)
    if not path:
      raise SetupError(
        f'QUINOA_PYTHON={named} is no Python 3.10 that runs; change it.'
      )
    return path
  prefix = output_of('pyenv', 'prefix', '3.10')
  return python_310_at('python3.10') or (
    prefix and python_310_at(os.path.join(prefix, 'bin', 'python3.10'))
  )


def install_uv(interpreter):
  """Whether pip could install uv under `.setup`."""
  shutil.rmtree(OWN_UV, ignore_errors=True)
  if output_of(interpreter, '-m', 'venv', OWN_UV) is not None:
    pip = (os.path.join(OWN_UV, 'bin', 'python'), '-m', 'pip', 'install')
  else:  # Debian's Python lacks venv until python3-venv is installed.
    shutil.rmtree(OWN_UV, ignore_errors=True)
    pip = (interpreter, '-m', 'pip', 'install', '--target', OWN_UV)
  return output_of(*pip, 'uv') is not None


def find_uv(python):
  """The path of a uv that runs, installed under `.setup` if need be."""
  own_uv = os.path.join(OWN_UV, 'bin', 'uv')
  for uv in ('uv', own_uv):
    if output_of(uv, '--version'):
      return uv

  say('installing uv into .setup/uv')
  for interpreter in filter(None, (python, sys.executable)):
    if install_uv(interpreter) and output_of(own_uv, '--version'):
      return own_uv
  raise SetupError(
    'could not install uv with pip; install uv (https://docs.astral.sh/uv), or'
    ' python3-venv, or look whether this machine reaches its package index.'
  )


def run_uv(uv, *arguments):
  """Whether uv, run in the project, succeeds."""
  # Whatever environment is active, this project's is .venv.
  environment = dict(os.environ, UV_PROJECT_ENVIRONMENT='.venv')
  environment.pop('VIRTUAL_ENV', None)
  return subprocess.call((uv, *arguments), cwd=ROOT, env=environment) == 0


def fingerprint():
  """What .venv depends on: the lock, and where the editable install points."""
  digest = hashlib.sha256(ROOT.encode())
  for name in ('pyproject.toml', 'uv.lock'):
    with open(os.path.join(ROOT, name), 'rb') as file:
      digest.update(file.read())
  return digest.hexdigest()


def preflight(stderr=None):
  """Whether the program itself would start in .venv, in several processes."""
  command = (VENV_PYTHON, '-I', PREFLIGHT, '--distributed')
  try:
    return subprocess.call(command, stderr=stderr) == 0
  except OSError:
    return False


def is_done():
  """Whether .venv is what this file would make."""
  try:
    with open(STAMP) as file:
      if file.read() != fingerprint():
        return False
  except OSError:
    return False
  named = os.environ.get('QUINOA_PYTHON')
  if named and python_310_at(named) != python_310_at(VENV_PYTHON):
    return False
  # Packages that someone changed by hand are mended by a set-up too.
  return preflight(stderr=subprocess.DEVNULL)


def main():
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  # What it makes is its purpose: .venv, .setup, and nothing else.
  parser.parse_args()
  if is_done():
    say('.venv is up to date')
    return
  if (sys.platform, platform.machine()) != ('linux', 'x86_64'):
    raise SetupError(
      'dm-launchpad and dm-reverb exist for Linux on x86-64 only, and this is'
      f' {platform.system()} on {platform.machine()}.'
    )
  if os.path.exists(STAMP):
    os.remove(STAMP)

  python = find_python()
  uv = find_uv(python)
  if not python:
    say('fetching Python 3.10 with uv')
    if not run_uv(uv, 'python', 'install', '3.10'):
      raise SetupError(
        'found no Python 3.10 and could not fetch one; install it (as'
        ' python3.10, or `pyenv install 3.10`), or name it with QUINOA_PYTHON.'
      )
    python = '3.10'
  say(f'installing the locked packages (2 GB) into .venv, with Python {python}')
  # Python would compile each module when it is first imported, which takes most
  # of the first run's start, and of every run's where it may write no bytecode.
  sync = ('sync', '--frozen', '--extra', 'dev', '--compile-bytecode')
  sync += ('--python', python)
  # A person sees how the download goes; a log needs only the errors.
  if not run_uv(uv, *sync, *([] if sys.stderr.isatty() else ['--quiet'])):
    raise SetupError('uv could not install the packages; see its lines above.')
  if not preflight():
    raise SetupError('the program cannot start in .venv; see the line above.')
  with open(STAMP, 'w') as file:
    file.write(fingerprint())
  say('done')


if __name__ == '__main__':
  try:
    main()
  except (SetupError, OSError) as error:
    sys.exit(f'setup: {error}')
  except KeyboardInterrupt:
    sys.exit('setup: interrupted; run it again to go on.')
