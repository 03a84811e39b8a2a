"""Tests of folders of runs that have lost something."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

from quinoa_acme.runs import local
from quinoa_acme.runs.checkpoints import remains
from quinoa_acme.runs.checkpoints import replay_checkpoints
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.distributed import program
from quinoa_acme.runs.watching import loggers
from quinoa_acme.utils import checkpointing


@pytest.fixture
def begun(config, tmp_path):
  """The folder of a program that was ended, as its nodes leave it."""
  workdir = str(tmp_path)
  program.begin(config)
  for label, key in (
    ('learner', 'learner_steps'),
    ('evaluator', 'actor_steps'),
    ('actor_0', 'actor_steps'),
    ('actor_1', 'actor_steps'),
  ):
    logger = loggers.CSVLogger(tmp_path / 'logs' / f'{label}.csv')
    for steps in (0, 100, 200):
      logger.write({key: steps, 'episode_return': 1.0})
    logger.close()
  folder = tmp_path / 'checkpoints' / 'learner'
  checkpointing.save(folder, 200, {'x': np.zeros(2)})
  run_state.save_counts(workdir, {'actor_steps': 200, 'learner_steps': 200})
  run_state.save_last_evaluation(workdir, 200)
  return config


def _rows(workdir: str) -> dict[str, str]:
  logs = pathlib.Path(workdir, 'logs')
  return {path.name: path.read_text() for path in logs.glob('*.csv')}


def test_a_program_whose_folder_is_whole_goes_on(begun):
  before = _rows(begun.workdir)
  assert program.begin(begun) == 200
  assert _rows(begun.workdir) == before


@pytest.mark.parametrize(
  ('part', 'message'),
  [
    ('counts.json', 'lacks its counts, .*counts.json'),
    ('evaluation.json', 'lacks the step of its last evaluation, .*'),
    ('learner', "lacks the learner's checkpoints in .*learner"),
    ('', "lacks the learner's .* and its counts.* and the step of"),
  ],
)
def test_a_program_that_has_lost_a_part_is_refused(part, message, begun):
  before = _rows(begun.workdir)
  path = pathlib.Path(begun.workdir, 'checkpoints', part)
  if path.is_dir():
    shutil.rmtree(path)
  else:
    path.unlink()
  with pytest.raises(checkpointing.CheckpointError, match=message):
    program.begin(begun)
  assert _rows(begun.workdir) == before


def test_a_program_whose_logs_are_gone_goes_on_and_says_so(begun, caplog):
  logs = pathlib.Path(begun.workdir, 'logs')
  (logs / 'evaluator.csv').unlink()
  (logs / 'actor_1.csv').unlink()
  assert program.begin(begun) == 200
  for name in ('evaluator.csv', 'actor_1.csv'):
    assert f'{name} is gone' in caplog.text
  assert 'learner.csv' not in caplog.text
  # Nor is there a checkpoint of its replay.
  assert 'resumes at step 200 with an empty replay' in caplog.text


def test_a_program_that_saves_no_replay_says_nothing_of_it(begun, caplog):
  config = dataclasses.replace(
    begun, replay_checkpoints=replay_checkpoints.NoReplayCheckpoints()
  )
  program.begin(config)
  assert not caplog.text


def test_a_log_without_rows_has_lost_them(begun):
  pathlib.Path(begun.workdir, 'logs', 'evaluator.csv').write_bytes(b'')
  [text] = remains.describe_lost_logs(begun.workdir, ['evaluator'], 200, 200)
  assert 'evaluator.csv' in text


@pytest.mark.slow
def test_a_run_in_one_process_without_its_checkpoints_is_refused(
  tiny_config, point_mass, config, tmp_path
):
  config = dataclasses.replace(
    config,
    agent=tiny_config,
    environment_factory=point_mass,
    num_actors=1,
    num_steps=120,
    evaluation_episodes=1,
  )
  local.run(config)
  before = _rows(config.workdir)
  assert set(before) >= {'learner.csv', 'evaluator.csv', 'actor_0.csv'}
  shutil.rmtree(tmp_path / 'checkpoints')
  with pytest.raises(checkpointing.CheckpointError, match='its checkpoints in'):
    local.run(config)
  assert _rows(config.workdir) == before
