"""Checks, before anything heavy is imported, that the program can run here.

The extra `distributed` works with one Python and one set of versions, and the
rest with some. Anything else fails minutes later, deep inside an import, with a
message about a symbol or a shared library. Here it fails first, in one line
that says what to do.

This file uses only the standard library, parses on Python 3.7, and is run by
its path, so it also runs where the package is not installed.
"""

import os
import platform
import re
import sys

OLDEST, NEWEST = (3, 10), (3, 13)
LIBPYTHON = 'libpython3.10.so.1.0'
_THIS_FILE = os.path.basename(__file__)
MEND = (
  'Run `make setup` in the project, then start the program with'
  ' .venv/bin/python; or `pip install quinoa-acme` in a fresh environment.'
)
# The package of the extra `distributed` that tells whether it was asked for.
_LAUNCHPAD = 'dm-launchpad'


class PreflightError(Exception):
  """Says in one line what is wrong, and how to fix it."""


def check_interpreter(distributed=False):
  """Checks that this is a Python for which there are wheels.

  Args:
    distributed: whether dm-launchpad's wheels are needed too.

  Raises:
    PreflightError: It is another Python.
  """
  newest = OLDEST if distributed else NEWEST
  if not OLDEST <= sys.version_info[:2] <= newest:
    wanted = 'Python ' + _dotted(OLDEST)
    if newest != OLDEST:
      wanted += ' to ' + _dotted(newest)
    raise PreflightError(
      f'{wanted} is needed, but {sys.executable} is'
      f' {_dotted(sys.version_info[:2])}. {MEND}'
    )


def is_distributed():
  """Whether the extra `distributed` is installed here."""
  from importlib import metadata  # Python 3.7 has none.

  try:
    metadata.distribution(_LAUNCHPAD)
  except metadata.PackageNotFoundError:
    return False
  return True


def check_versions(distributed=False):
  """Checks the installed packages against quinoa-acme's own requirements.

  Args:
    distributed: whether those of the extra `distributed` must be there; they
      are looked at in any case if its dm-launchpad is.

  Raises:
    PreflightError: quinoa-acme is not installed here, or a package that it
      requires is missing or has a version outside the range it names.
  """
  from importlib import metadata  # Python 3.7 has none.

  try:
    requirements = metadata.requires('quinoa-acme') or []
  except metadata.PackageNotFoundError:
    raise PreflightError(
      f'The package is not installed in {sys.executable}. {MEND}'
    ) from None

  extra = 'distributed' if distributed or is_distributed() else ''
  wrong = {}
  for requirement in requirements:
    requirement, _, marker = requirement.partition(';')
    if not _holds(marker, extra):
      continue
    name, specifier = _split_requirement(requirement.strip())
    try:
      version = _version(metadata.distribution(name))
    except metadata.PackageNotFoundError:
      wrong[name] = 'is missing'
      continue
    if not _satisfies(version, specifier):
      wrong[name] = f'is {version}, expected {specifier}'
  if wrong:
    texts = [f'{name} {text}' for name, text in wrong.items()]
    raise PreflightError(f'Wrong packages: {"; ".join(texts)}. {MEND}')


def check_package():
  """Checks that no other module hides the package.

  Raises:
    PreflightError: One of the same name comes first on the path.
  """
  import importlib.util

  spec = importlib.util.find_spec('quinoa_acme')
  origin = spec.origin if spec is not None else None
  if origin is None:
    return  # Not installed (reported elsewhere), or a plain folder.
  if not os.path.exists(os.path.join(os.path.dirname(origin), _THIS_FILE)):
    raise PreflightError(
      f'{origin} hides the package of its name: rename it, start elsewhere, or'
      ' leave its folder out of PYTHONPATH.'
    )


def ensure_libpython():
  """Makes libpython loadable, here and in processes started from here.

  Launchpad's C++ is linked to the shared libpython. An interpreter that is
  linked statically (uv's, conda's, Debian's) does not load it, and the import
  of Launchpad fails. A program's nodes import Launchpad before anything of
  ours, so they must find the library through the environment.

  Raises:
    PreflightError: This machine has no shared libpython for Python 3.10.
  """
  import ctypes

  try:
    # The handle of a library that is already loaded, or an error.
    ctypes.CDLL(LIBPYTHON, mode=os.RTLD_NOLOAD | os.RTLD_GLOBAL)
    return
  except OSError:
    pass

  for directory in _library_directories():
    path = os.path.join(directory, LIBPYTHON)
    if os.path.exists(path):
      _load(path)
      inherited = os.environ.get('LD_LIBRARY_PATH')
      os.environ['LD_LIBRARY_PATH'] = (
        directory + os.pathsep + inherited if inherited else directory
      )
      return
  _load(LIBPYTHON)  # Anywhere that the system's loader finds it.


def run(distributed=False):
  """Makes all checks; if one fails, prints one line and exits with status 1.

  Args:
    distributed: whether the extra `distributed` must be there.
  """
  try:
    check_interpreter(distributed)
    check_versions(distributed)
    check_package()
    if distributed or is_distributed():
      ensure_libpython()
  except PreflightError as error:
    raise SystemExit(f'quinoa-acme: {error}') from None


def _dotted(version):
  return '.'.join(map(str, version))


def _holds(marker, extra):
  """Whether a marker of this project holds: comparisons, joined by `and`."""
  here = {
    'python_version': _dotted(sys.version_info[:2]),
    'sys_platform': sys.platform,
    'platform_machine': platform.machine(),
    'extra': extra,
  }
  comparisons = re.findall(r"(\w+) *([=!<>]+) *['\"]([^'\"]*)['\"]", marker)
  return all(
    _satisfies(here[name], operator + value)
    if name == 'python_version'
    else (here[name] == value) == (operator == '==')
    for name, operator, value in comparisons
  )


def _split_requirement(requirement):
  """Splits 'jax[cuda12]==0.6.2' into 'jax' and '==0.6.2'."""
  name, specifier = re.findall(r'^([\w.-]+)(?:\[.*\])?(.*)$', requirement)[0]
  return name, specifier.strip(' ()')


def _version(distribution):
  """The version, without parsing the long text after it."""
  # distribution.version parses everything: for 25 packages, twice the time.
  text = distribution.read_text('METADATA') or ''
  match = re.search(r'^Version: *(\S+)', text, re.MULTILINE)
  return match.group(1) if match else distribution.version or 'unknown'


def _satisfies(version, specifier):
  """Whether e.g. '0.7.3' lies within '<0.8,>=0.7.3'."""
  compare = {
    '==': lambda a, b: a == b,
    '!=': lambda a, b: a != b,
    '>=': lambda a, b: a >= b,
    '<=': lambda a, b: a <= b,
    '>': lambda a, b: a > b,
    '<': lambda a, b: a < b,
  }
  return all(
    compare[operator](_release(version), _release(bound))
    for operator, bound in re.findall(r'([=!<>]+) *([^ ,]+)', specifier)
  )


def _release(version):
  """The numbers of e.g. '1.26.0+cpu', as a list that compares."""
  numbers = [int(n) for n in re.findall(r'\d+', version.split('+')[0])]
  while numbers and numbers[-1] == 0:  # '1.26.0' and '1.26' are one version.
    numbers.pop()
  return numbers


def _library_directories():
  """Where this interpreter's libpython may be, the likeliest first."""
  import sysconfig

  # LIBDIR of a relocated interpreter may name the machine that built it.
  own = os.path.join(sys.base_prefix, 'lib')
  return [sysconfig.get_config_var('LIBDIR') or own, own]


def _load(library):
  import ctypes

  try:
    ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
  except OSError:
    raise PreflightError(
      f'dm-launchpad needs {LIBPYTHON}, which {sys.base_prefix} lacks. Install'
      ' it (Debian and Ubuntu: `apt install libpython3.10`), or name a Python'
      ' that has it: `make setup QUINOA_PYTHON=/path/to/python3.10`.'
    ) from None


if __name__ == '__main__':
  run('--distributed' in sys.argv[1:])
