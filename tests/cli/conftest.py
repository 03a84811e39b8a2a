"""The command as a user calls it, and a run that it has trained."""

import os
import pathlib
import subprocess
import sys

import pytest
import warm


class Quinoa:
  """Calls `quinoa` in a folder."""

  def __init__(self, cwd: pathlib.Path):
    self.cwd = cwd

  def __call__(self, *arguments: str) -> subprocess.CompletedProcess:
    """What came of a call."""
    return warm.run('-m', 'quinoa_acme', *arguments, cwd=self.cwd)

  def freshly(self, *arguments: str, **variables: str):
    """The same in a fresh interpreter, with its seconds of processor."""
    # What pytest has imported, and its variables, are not there.
    env = {k: x for k, x in os.environ.items() if k != 'PYTHONPATH'}
    before = os.times()
    result = subprocess.run(
      [sys.executable, '-m', 'quinoa_acme', *arguments],
      cwd=self.cwd,
      env={**env, **variables},
      capture_output=True,
      text=True,
      timeout=250,
      check=False,
    )
    after = os.times()
    result.seconds = (
      after.children_user
      + after.children_system
      - before.children_user
      - before.children_system
    )
    return result

  def lightly(self, *arguments: str):
    """Calls it where what takes long can not be imported."""
    for name in ('jax', 'tensorflow', 'launchpad', 'matplotlib', 'numpy'):
      (self.cwd / f'{name}.py').write_text('raise RuntimeError("imported")')
    return self.freshly(*arguments, PYTHONPATH=str(self.cwd))


@pytest.fixture
def quinoa(tmp_path) -> Quinoa:
  return Quinoa(tmp_path)


@pytest.fixture(scope='session')
def trained(tmp_path_factory) -> pathlib.Path:
  """The folder of a run of a few hundred steps."""
  folder = tmp_path_factory.mktemp('trained')
  result = Quinoa(folder).freshly(
    'train',
    '--env_name=control:cartpole:balance',
    '--preset=debug',
    '--run_distributed=false',
    '--num_steps=300',
    '--eval_every=150',
    '--evaluation_episodes=1',
    '--flow.num_couplings=3',
    '--workdir=run',
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.startswith('Workdir: run\n')
  assert 'Done after 300 steps' in result.stdout
  return folder / 'run'
