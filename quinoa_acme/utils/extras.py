"""Says what to install where an optional part of the package is asked for."""

from collections.abc import Iterator
import contextlib
import sys

# The packages that only agents of Acme's and distributed runs need.
_DISTRIBUTED = (
  'acme',
  'courier',
  'launchpad',
  'reverb',
  'rlax',
  'tensorflow',
  'tensorflow_probability',
)
# What a distributed run can do without.
ONE_PROCESS = (
  'train in one process: --run_distributed=false, run(config, launch_type=None)'
)


class MissingExtraError(ImportError):
  """Something was asked for that needs an extra; says which, in one line."""


@contextlib.contextmanager
def needed_for(part: str, instead: str = '') -> Iterator[None]:
  """Enter it around the imports of a part that needs Acme or Reverb.

  Args:
    part: the part, for the message.
    instead: what can be done without it.

  Raises:
    MissingExtraError: if one of these packages is missing.
  """
  try:
    yield
  except ModuleNotFoundError as error:
    missing = (error.name or '').partition('.')[0]
    if missing not in _DISTRIBUTED:
      raise
    python = '.'.join(map(str, sys.version_info[:2]))
    raise MissingExtraError(
      f'{part} needs {missing}, which is not installed (this is Python '
      f"{python}). Install 'quinoa-acme[distributed]' with Python 3.10 on "
      f'Linux{instead and f"; or {instead}"}.'
    ) from error
