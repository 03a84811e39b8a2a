"""Training in one process: deterministic, exact in its ratio, resumable."""

import csv
import dataclasses
import pathlib

import pytest

from quinoa_acme import checkpointing
from quinoa_acme import environments
from quinoa_acme import experiment
from quinoa_acme import local
from quinoa_acme.agents import quinoa

pytestmark = pytest.mark.slow

_NAME = 'control:cartpole:balance'
# Columns that tell of time, in which no two runs are equal.
_TIMES = {
  'wall_clock',
  'steps_per_second',
  'learner_walltime',
  'training_seconds',
}


def _config(workdir: pathlib.Path, **changes) -> experiment.ExperimentConfig:
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=str(workdir),
    num_steps=400,
    seed=7,
    eval_every=200,
    evaluation_episodes=1,
  )
  return dataclasses.replace(config, **changes)


def _rows(workdir: pathlib.Path, label: str) -> list[dict[str, str]]:
  with (workdir / 'logs' / f'{label}.csv').open() as file:
    return [
      {key: value for key, value in row.items() if key not in _TIMES}
      for row in csv.DictReader(file)
    ]


def test_two_runs_with_one_seed_are_equal_to_the_bit(tmp_path):
  first, second, other = (tmp_path / name for name in ('a', 'b', 'c'))
  local.run(_config(first))
  local.run(_config(second))
  local.run(_config(other, seed=8))
  for label in ('learner', 'evaluator', 'actor_0'):
    assert _rows(first, label) == _rows(second, label)
  assert len(_rows(first, 'learner')) >= 5
  assert _rows(first, 'learner') != _rows(other, 'learner')
  checkpoints = [
    next((path / 'checkpoints' / 'learner').glob('*.npz')).read_bytes()
    for path in (first, second)
  ]
  assert checkpoints[0] == checkpoints[1]


@pytest.mark.parametrize(
  ('samples_per_insert', 'learner_steps'),
  # Batches of 32, from the 100th of 500 steps on; calls of 5 SGD steps.
  [(16.0, 200), (48.0, 600), (80.0, 1000)],
)
def test_keeps_the_ratio_exactly(samples_per_insert, learner_steps, tmp_path):
  agent = dataclasses.replace(
    quinoa.QuinoaConfig.debug(),
    samples_per_insert=samples_per_insert,
    samples_per_insert_tolerance=0.5,
  )
  status = local.run(
    _config(tmp_path, agent=agent, num_steps=500, eval_every=1000)
  )
  assert status.actor_steps == 500
  assert status.learner_steps == learner_steps


def test_resumes_where_it_was(tmp_path):
  local.run(_config(tmp_path))
  status = local.run(_config(tmp_path, num_steps=800))
  assert status.actor_steps == 800
  # The replay goes on too: the ratio is kept as if nothing had been.
  assert status.learner_steps == 700
  steps = [float(row['learner_steps']) for row in _rows(tmp_path, 'learner')]
  assert steps == sorted(set(steps))


def test_refuses_the_checkpoint_of_other_networks(tmp_path):
  local.run(_config(tmp_path))
  agent = dataclasses.replace(
    quinoa.QuinoaConfig.debug(), value_hidden_sizes=(33,)
  )
  with pytest.raises(checkpointing.CheckpointError, match='33'):
    local.run(_config(tmp_path, agent=agent, num_steps=800))


def test_stops_when_asked_and_saves(tmp_path):
  # The first evaluation is asked 1000 times.
  asked = iter([False] * 1300)
  status = local.run(
    _config(tmp_path, eval_every=10**6), lambda: next(asked, True)
  )
  assert not status.finished
  assert 0 < status.actor_steps < 400
  assert status.evaluation_return is not None
  assert list((tmp_path / 'checkpoints' / 'learner').glob('*.npz'))
