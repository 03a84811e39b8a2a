"""Learners on random transitions."""

import dataclasses

import jax
import numpy as np
import pytest

from experiments.lib import random_data
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import svg0


@pytest.mark.slow
@pytest.mark.parametrize(
  'config',
  [
    svg0.SVG0Config(num_sgd_steps_per_step=2, batch_size=16),
    dataclasses.replace(
      quinoa.QuinoaConfig.debug(), returns=quinoa.SoftReturn(3)
    ),
  ],
  ids=['one-step', 'window'],
)
def test_a_learner_never_runs_out_of_samples_and_repeats_itself(config):
  learners = [random_data.make_learner(config) for _ in range(2)]
  for learner in learners:
    for _ in range(3):
      learner.step()
  first, second = (
    jax.tree_util.tree_leaves(learner.get_variables(['policy']))
    for learner in learners
  )
  for a, b in zip(first, second, strict=True):
    np.testing.assert_array_equal(a, b)
