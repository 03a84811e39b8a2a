"""Checks whether this machine can run the program, and says what to fix.

  python -m quinoa_acme.doctor --workdir=runs

One line per check; below it, if something is wrong, the fix. The exit status is
1 if a check failed that a run needs; what only some runs need is a warning.

It also runs where packages are missing or broken, on any Python from 3.7 on: it
uses only the standard library, and imports packages in separate processes.
"""

from __future__ import annotations

import argparse
import collections
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from quinoa_acme import _preflight
from quinoa_acme.runs.watching import rendering
from quinoa_acme.utils import systems

# As many as the servers of a program with a dozen actors.
_NUM_PORTS = 16
_MEBIBYTE = 2**20
_LEAST_DISK = 200 * _MEBIBYTE
_GOOD_DISK = 2048 * _MEBIBYTE
_GOOD_SHARED_MEMORY = 64 * _MEBIBYTE
_IMPORT_SECONDS = 180.0
_IMPORTS = ('jax', 'mujoco')
_X86 = ('x86_64', 'amd64')

OK, WARNING, FAILURE = 'ok', 'warn', 'FAIL'

# The finding of a check: its name, one of the three above, what it saw, and
# what to do about it if it is not OK.
Finding = collections.namedtuple('Finding', ['name', 'status', 'text', 'mend'])


def check_interpreter(workdir):
  """A Python for which there are wheels."""
  del workdir
  try:
    _preflight.check_interpreter()
  except _preflight.PreflightError as error:
    return _failure('interpreter', *_split(error))
  return _ok('interpreter', f'Python {platform.python_version()}')


def check_packages(workdir):
  """The versions that the project requires."""
  del workdir
  try:
    _preflight.check_versions()
  except _preflight.PreflightError as error:
    return _failure('packages', *_split(error))
  except ImportError:  # Python 3.7 cannot read versions.
    return _failure('packages', 'not looked at', _preflight.MEND)
  return _ok('packages', 'all have the versions that the project names')


def check_distributed(workdir):
  """Launchpad, and the shared libpython that its C++ is linked to."""
  del workdir
  if not _is_distributed():
    system = f'{sys.platform} on {platform.machine()}'
    return Finding(
      'distributed',
      WARNING,
      f'runs in one process only: no dm-launchpad (this is {system})',
      "Programs of several processes, and Acme's agents, need Python 3.10 on "
      "Linux and x86-64: `pip install 'quinoa-acme[distributed]'`.",
    )
  try:
    _preflight.check_interpreter(distributed=True)
    _preflight.ensure_libpython()
  except _preflight.PreflightError as error:
    return _failure('distributed', *_split(error))
  return _ok('distributed', f'{_preflight.LIBPYTHON} is found')


def _is_distributed():
  """Whether the extra is installed; it never is for Python 3.7."""
  try:
    return _preflight.is_distributed()
  except ImportError:
    return False


def check_processor(workdir):
  """The instructions that the wheels of JAX and TensorFlow use."""
  del workdir
  cores = f'{len(systems.usable_cores())} cores for this process'
  machine = platform.machine()
  if sys.platform != 'linux' or machine.lower() not in _X86:
    return _ok('processor', f'{machine}, {cores}')
  with open('/proc/cpuinfo') as file:
    lines = [line for line in file if line.startswith('flags')]
  if not lines or 'avx' not in lines[0].split():
    return _failure(
      'processor',
      'no AVX instructions, which JAX and TensorFlow use',
      'Use another machine; in a virtual one, pass the host processor through '
      '(QEMU: -cpu host).',
    )
  return _ok('processor', f'AVX, {cores}')


def check_imports(workdir):
  """The heavy packages, each imported in a separate process."""
  del workdir
  texts, failed = [], False
  # Launchpad imports Reverb and TensorFlow.
  names = (*_IMPORTS, 'launchpad') if _is_distributed() else _IMPORTS
  for name in names:
    started = time.monotonic()
    reason = _why_not_imported(name)
    failed = failed or reason is not None
    seconds = time.monotonic() - started
    texts.append(f'{name}: {reason}' if reason else f'{name} {seconds:.1f} s')
  if failed:
    return _failure('imports', ', '.join(texts), _preflight.MEND)
  return _ok('imports', ', '.join(texts))


def check_rendering(workdir):
  """A picture by EGL, OSMesa or GLFW, which videos need."""
  del workdir
  reasons = {name: rendering.why_not(name) for name in rendering.BACKENDS}
  working = [name for name, reason in reasons.items() if reason is None]
  if working:
    return _ok('rendering', f'by {" and ".join(working)}')
  reasons_text = '; '.join(f'{name}: {x}' for name, x in reasons.items())
  return Finding(
    'rendering',
    WARNING,
    reasons_text,
    f'{rendering.MEND}. Only videos need it.',
  )


def check_ports(workdir):
  """Servers on this machine, like those of a program's nodes."""
  del workdir
  servers = []
  restricted = True
  try:
    for _ in range(_NUM_PORTS):
      server = socket.socket()
      servers.append(server)
      server.bind(('localhost', 0))
      server.listen()
      restricted = restricted and _is_kept_to_this_machine(server)
      with socket.create_connection(
        server.getsockname(), timeout=5.0
      ) as client:
        peer, _ = server.accept()
        with peer:
          client.sendall(b'.')
          peer.settimeout(5.0)
          assert peer.recv(1) == b'.'
  except OSError as error:
    return _failure(
      'ports',
      f'no connection to localhost: {error}',
      'Bring the loopback interface up (`ip link set lo up`), make sure that '
      '/etc/hosts has localhost, and raise `ulimit -n` if it is below 1024.',
    )
  finally:
    for server in servers:
      server.close()
  text = f'{_NUM_PORTS} servers on localhost answered'
  if not restricted:
    return Finding(
      'ports',
      WARNING,
      f'{text}; this kernel lets only root keep them to this machine',
      'Servers of a program will be open to the network: close their ports in '
      'the firewall, or use Linux 5.7 or newer.',
    )
  return _ok('ports', f'{text}, and no other machine can reach them')


def _is_kept_to_this_machine(server):
  """Whether a server's socket can be limited to the loopback."""
  try:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo')
  except OSError:
    return False
  return True


def check_disk(workdir):
  """Space under the workdir, which must be writable and lockable."""
  folder = os.path.abspath(workdir)
  while not os.path.isdir(folder):
    folder = os.path.dirname(folder)
  try:
    with tempfile.TemporaryFile(dir=folder) as file:
      if systems.has_locks():
        systems.lock(file)
  except OSError as error:
    return _failure(
      'disk',
      f'{folder} cannot be written to or locked: {error}',
      'Give another --workdir.',
    )
  free = shutil.disk_usage(folder).free
  text = f'{free // _MEBIBYTE:,} MiB free under {folder}'
  if free >= _GOOD_DISK:
    return _ok('disk', text)
  mend = 'Make room, or give another --workdir: checkpoints hold the replay.'
  return Finding(
    'disk', WARNING if free >= _LEAST_DISK else FAILURE, text, mend
  )


def check_shared_memory(workdir):
  """Shared memory, of which containers have little."""
  del workdir
  folder = '/dev/shm'
  mend = 'In a container: `docker run --shm-size=1g`.'
  if not os.path.isdir(folder):
    return Finding('shared memory', WARNING, f'there is no {folder}', mend)
  free = shutil.disk_usage(folder).free
  text = f'{free // _MEBIBYTE:,} MiB free in {folder}'
  if free < _GOOD_SHARED_MEMORY:
    return Finding('shared memory', WARNING, text, mend)
  return _ok('shared memory', text)


CHECKS = (
  check_interpreter,
  check_packages,
  check_distributed,
  check_processor,
  check_imports,
  check_rendering,
  check_ports,
  check_disk,
  check_shared_memory,
)
# Those of what only a program of several processes needs.
_OF_PROGRAMS = (check_ports, check_shared_memory)


def main(arguments=None, program='python -m quinoa_acme.doctor'):
  """Makes all checks and prints their findings.

  Args:
    arguments: the command line; by default the program's own.
    program: the program's name as called, for its help.

  Returns:
    The exit status, 1 if a check failed.
  """
  parser = argparse.ArgumentParser(
    prog=program,
    description='Checks whether this machine can run the program.',
    add_help=False,
  )
  parser.add_argument(
    '-h', '--help', action='store_true', help='print this, and do nothing'
  )
  parser.add_argument(
    '--workdir', default='runs', help='the folder of the runs'
  )
  values = parser.parse_args(arguments)
  if values.help:
    _say(parser.format_help().rstrip())
    return 0
  failed = False
  for check in CHECKS:
    if check in _OF_PROGRAMS and not _is_distributed():
      continue
    finding = _make(check, values.workdir)
    _say(f'{finding.status:4}  {finding.name}: {finding.text}')
    if finding.status != OK:
      _say(f'      {finding.mend}')
    failed = failed or finding.status == FAILURE
  return 1 if failed else 0


def _say(text):
  """Prints a line; drops it if nobody can read it any more, as with head."""
  try:
    print(text, flush=True)
  except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _make(check, workdir):
  """Makes a check, and turns its own errors into findings."""
  try:
    return check(workdir)
  except Exception as error:  # Anything broken here is what it looks for.
    name = check.__name__[len('check_') :].replace('_', ' ')
    return _failure(name, f'{type(error).__name__}: {error}', _preflight.MEND)


def _ok(name, text):
  return Finding(name, OK, text, '')


def _failure(name, text, mend):
  return Finding(name, FAILURE, text, mend)


def _split(error):
  """Splits a `PreflightError` into the problem and its fix."""
  text = str(error)
  if _preflight.MEND in text:
    return text.replace(_preflight.MEND, '').strip(), _preflight.MEND
  wrong, _, mend = text.partition('. ')
  return wrong, mend


def _why_not_imported(name):
  """None if a package imports, otherwise the last line of the error."""
  try:
    result = subprocess.run(
      [sys.executable, '-c', f'import {name}, os; os._exit(0)'],
      stdout=subprocess.DEVNULL,
      stderr=subprocess.PIPE,
      text=True,
      timeout=_IMPORT_SECONDS,
      check=False,
    )
  except subprocess.TimeoutExpired:
    return f'not imported within {_IMPORT_SECONDS:g} s'
  if result.returncode < 0:
    return f'ended by {signal.Signals(-result.returncode).name}'
  if result.returncode:
    return (result.stderr.strip().splitlines() or ['no reason given'])[-1]
  return None


if __name__ == '__main__':
  sys.exit(main())
