"""Runs programs in a fresh interpreter, as who reads the documents does."""

import os
import pathlib
import subprocess
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(*arguments: str, cwd: pathlib.Path) -> subprocess.CompletedProcess:
  """Runs Python in a folder, and gives what came of it."""
  # What pytest has imported, and its flags, are not there.
  env = {k: x for k, x in os.environ.items() if k != 'PYTHONPATH'}
  return subprocess.run(
    [sys.executable, *arguments],
    cwd=cwd,
    env=env,
    capture_output=True,
    text=True,
    timeout=250,
    check=False,
  )


def run_code(code: str, cwd: pathlib.Path) -> str:
  """Runs a program, which must end well, and gives what it printed."""
  result = run('-c', code, cwd=cwd)
  assert result.returncode == 0, result.stderr
  return result.stdout
