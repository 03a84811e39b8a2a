"""Tests of what a run has learned, restored from its folder."""

import jax
import numpy as np
import pytest

from quinoa_acme.agents import svg0
from quinoa_acme.runs import experiment
from quinoa_acme.runs import trained as trained_lib
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.utils import specs

_AGENT = svg0.SVG0Config(
  policy=svg0.ClippedGaussianConfig(hidden_sizes=(4,)),
  critic_hidden_sizes=(4,),
)


def test_a_policy_is_restored_and_followed(tmp_path, point_mass):
  run = experiment.ExperimentConfig(
    agent=_AGENT,
    environment_factory=point_mass,
    env_name='point_mass',
    workdir=str(tmp_path),
  )
  spec = run.make_spec()
  agent = run.make_agent()
  learner = agent.make_builder(spec).make_learner(
    jax.random.PRNGKey(7), agent.make_networks(spec), iter(())
  )
  # As after a step.
  learner.restore(learner.save()._replace(steps=np.int32(1)))
  run_state.save_learner(run.workdir, learner)
  trained = trained_lib.restore(run, 'test')
  for left, right in zip(
    *map(jax.tree_util.tree_leaves, (learner.save(), trained.learner.save())),
    strict=True,
  ):
    np.testing.assert_array_equal(left, right)
  first, second = trained_lib.follow(trained, 2, seed=3)
  assert first.observations.shape == (50, 2)
  assert first.actions.shape == (50, 1)
  assert first.rewards.shape == (50,)
  # The task ends by its time limit.
  assert first.was_cut
  assert np.any(first.actions != second.actions)
  again, _ = trained_lib.follow(trained, 2, seed=3)
  np.testing.assert_array_equal(again.actions[0], first.actions[0])


def test_a_folder_without_what_is_asked_for_is_refused(tmp_path, point_mass):
  run = experiment.ExperimentConfig(
    agent=_AGENT,
    environment_factory=point_mass,
    env_name='point_mass',
    workdir=str(tmp_path),
  )
  spec = specs.make_environment_spec(point_mass(0))
  with pytest.raises(FileNotFoundError, match='--run_distributed=false'):
    trained_lib.restore_replay(run, spec)
