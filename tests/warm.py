"""Runs programs in forks of a process that has imported what they import.

Each has a process, an environment, a folder and output of its own, and imports
this package and Acme itself. Only other packages, which take most of a start,
are there already. What is said of a start or of imports is tested by `fresh`.
"""

import atexit
from collections.abc import Mapping
import functools
import gc
import importlib
import json
import os
import pathlib
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import types

# In the order in which a program comes to them; none of them defines flags.
_MODULES = (
  'quinoa_acme',
  'jax',
  'haiku',
  'optax',
  'tensorflow',
  'tensorflow_probability',
  'tensorflow_probability.substrates.jax',
  'distrax',
  'scipy.stats',
)
_TIMEOUT = 250


def run(
  *arguments: str, cwd: pathlib.Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess:
  """Runs Python in a folder, and gives what came of it, as `fresh.run` does.

  Args:
    *arguments: as Python takes them: a script, `-c` or `-m`, and what follows.
    cwd: the folder.
    env: the environment; this process's own, without PYTHONPATH, if not given.
      It must have JAX's variables of the first call, which are read at import.
  """
  if env is None:
    env = {k: x for k, x in os.environ.items() if k != 'PYTHONPATH'}
  server = _server()
  assert server.stdin is not None
  assert server.stdout is not None
  with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile('w+') as err:
    files = [f'/proc/{os.getpid()}/fd/{file.fileno()}' for file in (out, err)]
    request = [arguments, str(cwd), dict(env), files]
    server.stdin.write(f'{json.dumps(request)}\n')
    server.stdin.flush()
    pid = int(server.stdout.readline())
    is_done, *_ = select.select([server.stdout], [], [], _TIMEOUT)
    if not is_done:
      os.kill(pid, signal.SIGKILL)
    status = int(server.stdout.readline())
    for file in (out, err):
      file.seek(0)
    result = subprocess.CompletedProcess(
      arguments, status, out.read(), err.read()
    )
  if not is_done:
    raise subprocess.TimeoutExpired(arguments, _TIMEOUT, result.stdout)
  return result


def run_well(*arguments: str, cwd: pathlib.Path) -> str:
  """Runs what must end well, and gives what it printed."""
  result = run(*arguments, cwd=cwd)
  assert result.returncode == 0, result.stderr
  return result.stdout


@functools.cache
def _server() -> subprocess.Popen:
  server = subprocess.Popen(
    [sys.executable, __file__],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  # At the end of its input it ends.
  atexit.register(server.__exit__, None, None, None)
  return server


def _serve() -> list:
  """Forks for each request; returns a request in the fork that is for it."""
  for module in _MODULES:
    importlib.import_module(module)
  gc.freeze()
  for line in sys.stdin:
    pid = os.fork()
    if not pid:
      return json.loads(line)
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
  sys.exit()


def _become(
  arguments: list[str], cwd: str, env: dict[str, str], files: list[str]
) -> None:
  """Makes this process a program, as the interpreter's start would."""
  paths = [(os.devnull, os.O_RDONLY), *((path, os.O_WRONLY) for path in files)]
  for descriptor, (path, flags) in enumerate(paths):
    opened = os.open(path, flags)
    os.dup2(opened, descriptor)
    os.close(opened)
  os.chdir(cwd)
  os.environ.clear()
  os.environ.update(env)
  kind, *rest = arguments
  # Of the folder of this file, which came by its start.
  sys.path.pop(0)
  if kind == '-c':
    code, *rest = rest
    sys.argv = ['-c', *rest]
    sys.path.insert(0, '')
    main = sys.modules['__main__'] = types.ModuleType('__main__')
    exec(compile(code, '<string>', 'exec'), main.__dict__)
  elif kind == '-m':
    sys.argv = rest
    sys.path.insert(0, cwd)
    runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
  else:
    sys.argv = arguments
    sys.path.insert(0, str(pathlib.Path(kind).resolve().parent))
    runpy.run_path(kind, run_name='__main__')


if __name__ == '__main__':
  _become(*_serve())
