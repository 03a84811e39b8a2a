"""The command `quinoa`, and `python -m quinoa_acme`.

Like the doctor, which it starts, this file parses on Python 3.7 and imports the
standard library only, until it is known that the program can run here.
"""

import os
import signal
import sys


def main(arguments=None):
  """Does what a command line says.

  Args:
    arguments: what follows the command's name; the process's own if None.
  """
  # Before anything is imported: Ctrl-C leaves no traceback there either.
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
