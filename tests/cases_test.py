"""Programs that once showed a fault, each with its own words and status."""

import os
import pathlib
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_CASES = sorted((_ROOT / 'tests' / 'cases').glob('*.py'))
# `examples_test` runs the same commands.
_BESIDE_OTHERS = ['examples_as_documented']


@pytest.mark.slow
@pytest.mark.parametrize(
  'path',
  [
    pytest.param(
      path,
      id=path.stem,
      marks=[pytest.mark.soak] if path.stem in _BESIDE_OTHERS else [],
    )
    for path in _CASES
  ],
)
def test_a_case_passes(path):
  result = subprocess.run(
    [sys.executable, path],
    cwd=_ROOT,
    env={k: x for k, x in os.environ.items() if k != 'PYTHONPATH'},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stdout + result.stderr
  assert 'ok: ' in result.stdout
