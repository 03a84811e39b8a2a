"""`quinoa evaluate`, and the script of its name."""

import pathlib
import re
import subprocess
import sys

import pytest
import warm

_EXPERIMENTS = pathlib.Path(__file__).resolve().parents[2] / 'experiments'

pytestmark = pytest.mark.slow


def test_it_says_how_well_a_run_does(trained, quinoa):
  result = quinoa('evaluate', str(trained), '--episodes=2', '--mode=argmax')
  assert result.returncode == 0, result.stderr
  lines = result.stdout.splitlines()
  assert lines[0].startswith('control:cartpole:balance after ')
  assert re.fullmatch(
    r"Return: [\d.]+, 95 % interval -?[\d.]+ to [\d.]+ \(Student's t, 2 .*\)",
    lines[-1],
  )
  script = str(_EXPERIMENTS / 'evaluate.py')
  flags = (f'--workdir={trained}', '--episodes=2', '--mode=argmax')
  assert warm.run_well(script, *flags, cwd=quinoa.cwd) == result.stdout


def test_a_reader_that_leaves_ends_it_without_a_traceback(trained, tmp_path):
  command = (
    f'{sys.executable} -m quinoa_acme evaluate {trained} --episodes=3 | head -1'
  )
  result = subprocess.run(
    ['bash', '-c', command], cwd=tmp_path, capture_output=True, text=True
  )
  assert result.stdout.startswith('control:cartpole:balance after ')
  assert result.stderr == ''
