"""Tests of `python -m quinoa_acme` and of the console script."""

import pathlib
import subprocess
import sys


def test_the_console_script_is_the_same(tmp_path):
  script = pathlib.Path(sys.executable).with_name('quinoa')
  result = subprocess.run(
    [script, '--version'], cwd=tmp_path, capture_output=True, text=True
  )
  assert result.stdout.startswith('quinoa ')
  assert result.returncode == 0


def test_the_module_is_the_same_and_a_typo_is_told(tmp_path):
  result = subprocess.run(
    [sys.executable, '-m', 'quinoa_acme', 'tran'],
    cwd=tmp_path,
    capture_output=True,
    text=True,
  )
  assert result.returncode != 0
  assert "did you mean 'train'?" in result.stderr
  assert 'Traceback' not in result.stderr
