"""TensorBoard, as it is installed, reads what a run has written."""

import pathlib
import subprocess
import sys

import pytest

from quinoa_acme.runs.watching import loggers


@pytest.mark.slow
def test_it_starts_and_finds_the_rows(tmp_path):
  logger = loggers.make_logger(
    str(tmp_path), 'learner', steps_key='learner_steps', last_step=0
  )
  logger.write({'learner_steps': 7, 'value_mean': 1.5})
  logger.close()
  result = subprocess.run(
    [
      str(pathlib.Path(sys.executable).with_name('tensorboard')),
      '--inspect',
      f'--logdir={tmp_path}/tensorboard',
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
  assert 'value_mean' in result.stdout
