"""What several tests of exported policies need: a run's folder."""

import pathlib

import jax
import numpy as np
import pytest

from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import experiment
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import core as loggers_base
from quinoa_acme.utils import specs


def _move(leaf):
  """Away from the start, where a policy is uniform and means are zero."""
  array = np.asarray(leaf)
  rng = np.random.default_rng(array.size)
  return array + rng.normal(0, 0.3, array.shape).astype(array.dtype)


@pytest.fixture(scope='session')
def make_run(tmp_path_factory):
  """Writes the folder of a run, with a policy that prefers some actions."""

  def make(
    config: off_policy.OffPolicyConfig, spec: specs.EnvironmentSpec
  ) -> pathlib.Path:
    run = experiment.ExperimentConfig(
      agent=config,
      environment_factory=None,  # pyright: ignore[reportArgumentType]
      env_name='none',
      workdir=str(tmp_path_factory.mktemp('run')),
    )
    run.write_json()
    run_folder.write_spec(run.workdir, spec)
    agent = run.make_agent()
    learner = agent.make_builder(spec, loggers_base.NoOpLogger).make_learner(
      jax.random.PRNGKey(3), agent.make_networks(spec), iter(())
    )
    state = learner.save()
    if hasattr(state, 'params'):
      moved = jax.tree_util.tree_map(_move, state.params.policy)
      state = state._replace(params=state.params._replace(policy=moved))
    if getattr(state, 'statistics', None) is not None:
      mean, variance = jax.tree_util.tree_map(_move, state.statistics)
      variance = jax.tree_util.tree_map(
        lambda x: np.float32(0.5) + np.abs(x), variance
      )
      state = state._replace(statistics=type(state.statistics)(mean, variance))
    checkpointing.save(run_folder.learner_checkpoints(run.workdir), 1, state)
    return pathlib.Path(run.workdir)

  return make


@pytest.fixture(scope='session')
def nested_spec(make_spec) -> specs.EnvironmentSpec:
  """Observations of several parts and kinds, and actions in a matrix."""
  return make_spec(
    {
      'position': specs.Array((3,), np.float64, 'position'),
      'arm': (
        specs.Array((2, 2), np.float32, 'joints'),
        specs.Array((), np.int32, 'count'),
      ),
      'touches': specs.Array((2,), bool, 'touches'),
    },
    specs.BoundedArray((2, 2), np.float64, -1.0, 3.0, 'action'),
  )
