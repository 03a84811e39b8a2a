"""SVG(0) on a small control task, in one process: it learns."""

import dataclasses

import pytest

from quinoa_acme.agents import svg0
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local

_SIZES = dataclasses.replace(
  svg0.SVG0Config.debug(),
  policy=svg0.ClippedGaussianConfig(hidden_sizes=(32,)),
  critic_hidden_sizes=(64,),
  policy_learning_rate=1e-3,
  discount=0.95,
  batch_size=64,
  samples_per_insert=64.0,
  min_replay_size=300,
)
_CONFIGS = {
  'default': _SIZES,
  'squashed': dataclasses.replace(
    _SIZES,
    policy=svg0.SquashedGaussianConfig(hidden_sizes=(32,)),
    regularisation=svg0.EntropyRegularisation(),
    target=svg0.CopyEvery(100),
  ),
}


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize('name', list(_CONFIGS))
def test_returns_rise_far_above_chance(tmp_path, point_mass, name):
  status = local.run(
    experiment.ExperimentConfig(
      agent=_CONFIGS[name],
      environment_factory=point_mass,
      env_name='point_mass',
      workdir=str(tmp_path),
      num_steps=3000,
      eval_every=3000,
      evaluation_episodes=10,
    )
  )
  assert status.finished
  # Chance stays below 10, the best possible is below 50: see Quinoa's test.
  assert status.evaluation_return > 40
