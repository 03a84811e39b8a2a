"""The command `quinoa`, and `python -m quinoa_acme`.

Like the doctor, which it starts, this file parses on Python 3.7 and imports
only the standard library until it is known that the program can run here.
"""

import os
import signal
import sys


def main(arguments=None):
  """Runs a command line.

  Args:
    arguments: the arguments after the command's name; by default the process's.
  """
  # Before any import, so that Ctrl-C leaves no traceback there either.
  signal.signal(signal.SIGINT, _interrupt)
  if arguments is None:
    arguments = sys.argv[1:]
  if arguments[:1] == ['doctor']:
    from quinoa_acme import doctor

    sys.exit(doctor.main(arguments[1:], 'quinoa doctor'))
  from quinoa_acme import _preflight

  _preflight.run()
  from quinoa_acme.cli import commands

  commands.main(arguments)


def _interrupt(number, frame):
  del number, frame
  os._exit(130)


if __name__ == '__main__':
  main()
