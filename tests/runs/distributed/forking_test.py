"""Tests of the forks that nodes are.

They run in a process of their own: this one has used JAX, and so has threads.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

_SCRIPT = pathlib.Path(__file__).parents[2] / 'programs' / 'forks.py'


@pytest.mark.slow
def test_forks_have_an_environment_and_an_end_of_their_own(tmp_path):
  result = subprocess.run(
    [sys.executable, str(_SCRIPT), str(tmp_path)],
    capture_output=True,
    text=True,
    check=True,
    env={k: v for k, v in os.environ.items() if not k.startswith('JAX_')}
    | {'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1'},
  )
  # One line, and the exit's: the forks do not exit as the launcher does.
  launcher, at_exit = result.stdout.splitlines()
  assert at_exit == 'the launcher is at its exit'
  assert json.loads(launcher) == {
    'statuses': [0, 1, 1, -signal.SIGTERM],
    'could_fork': True,
    'can_fork_beside_a_thread': False,
    'has_variable': False,
    'platforms': None,
  }
  assert json.loads((tmp_path / 'look').read_text()) == {
    'variable': 'yes',
    'platforms': 'cpu',
    'devices': ['cpu'],
    'minimum': 0.25,
    'ignores_sigterm': False,
  }
  last_line = (tmp_path / 'fail').read_text().splitlines()[-1]
  assert last_line == 'RuntimeError: the node failed'
