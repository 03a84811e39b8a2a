"""SBX in an environment of its own: its JAX is not ours.

It is made once, in the cache folder. SBX needs PyTorch, and what PyPI has of it
brings CUDA: 3 GB to fetch, some minutes, and more on the disk.
"""

import os
import pathlib
import shutil
import subprocess
import sys

from benchmarks import turns

_PACKAGES = ('sbx-rl==0.28.0', 'gymnasium[mujoco]>=1.1')


class NotInstalledError(RuntimeError):
  """SBX could not be installed; says why."""


def python() -> str:
  """The path of a Python that has SBX, which is installed if need be.

  Raises:
    NotInstalledError: if that is not possible here.
  """
  base = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
  folder = pathlib.Path(base) / 'quinoa_acme' / _PACKAGES[0].replace('==', '-')
  path = folder / 'bin' / 'python'
  done = folder / 'done'
  if not done.exists():
    uv = shutil.which('uv') or str(turns.ROOT / '.setup/uv/bin/uv')
    print(f'Installing SBX in {folder}: 3 GB, once.', flush=True)
    _run(uv, 'venv', '--clear', '--python', sys.executable, str(folder))
    _run(uv, 'pip', 'install', '--python', str(path), *_PACKAGES)
    _run(str(path), '-c', 'import sbx, gymnasium, mujoco')
    done.touch()
  return str(path)


def _run(*command: str) -> None:
  try:
    subprocess.run(
      command, check=True, capture_output=True, text=True, timeout=1800
    )
  except subprocess.CalledProcessError as error:
    lines = (error.stderr or '').strip().splitlines() or [str(error)]
    raise NotInstalledError(f'SBX is not installed: {lines[0]}') from None
  except (OSError, subprocess.SubprocessError) as error:
    raise NotInstalledError(f'SBX is not installed: {error}') from None
