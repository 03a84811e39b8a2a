"""Tests of evaluations of episodes that do not end."""

import dataclasses

import dm_env
import numpy as np
import pytest

from quinoa_acme.runs import evaluation_limits
from quinoa_acme.runs import experiment
from quinoa_acme.runs import running
from quinoa_acme.runs import trials
from quinoa_acme.runs.watching import loggers


@pytest.fixture
def endless(point_mass):
  """Makes environments whose episodes have no end, and 1 as each reward."""

  class Endless(point_mass):
    def step(self, action):
      timestep = super().step(action)
      return dm_env.transition(np.float32(1), timestep.observation)

  return Endless


def test_an_episode_is_over_at_the_limit():
  told = []
  limit = evaluation_limits.TruncateAfter(5)
  assert not evaluation_limits.is_over(limit, 4, told.append)
  assert not told
  assert evaluation_limits.is_over(limit, 5, told.append)
  assert 'has not ended within 5 steps, the limit' in told[0]
  assert evaluation_limits.is_over(limit, 5, told.append, 2)
  assert 'has not ended within 5 steps (10 frames), the' in told[1]


def test_the_limit_may_be_an_error():
  limit = evaluation_limits.FailAfter(5)
  with pytest.raises(
    evaluation_limits.EndlessEpisodeError, match='has not ended within 5 steps'
  ):
    evaluation_limits.is_over(limit, 5, print)


def test_a_run_of_an_earlier_version_has_the_usual_limit():
  assert evaluation_limits.read({}) == evaluation_limits.TruncateAfter()


def test_a_trial_that_does_not_end_is_truncated(endless):
  environment = endless(0)
  episodes = trials.run_episodes(
    lambda observation: np.zeros(1, np.float32),
    environment,
    limit=evaluation_limits.TruncateAfter(7),
  )
  assert next(episodes).sum() == 7.0


@pytest.mark.slow
def test_a_run_whose_episodes_do_not_end_ends(
  tiny_config, endless, tmp_path, caplog, capsys
):
  config = experiment.ExperimentConfig(
    agent=tiny_config,
    environment_factory=endless,
    env_name='endless',
    workdir=str(tmp_path / 'truncated'),
    num_steps=120,
    evaluation_episodes=2,
    evaluation_limit=evaluation_limits.TruncateAfter(30),
  )
  assert running.run(config, None) == 0
  rows = loggers.read_rows(tmp_path / 'truncated' / 'logs' / 'evaluator.csv')
  assert [row['actor_steps'] for row in rows] == [0, 120]
  assert {row['episode_return'] for row in rows} == {30.0}
  # Once, though four episodes were.
  assert caplog.text.count('has not ended within 30 steps') == 1
  failing = dataclasses.replace(
    config,
    workdir=str(tmp_path / 'failing'),
    evaluation_limit=evaluation_limits.FailAfter(30),
  )
  assert running.run(failing, None) == 1
  error = capsys.readouterr().err.strip().splitlines()[-1]
  assert 'has not ended within 30 steps' in error
