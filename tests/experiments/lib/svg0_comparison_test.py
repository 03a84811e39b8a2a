"""What our SVG(0) and dm-acme's are both given."""

import numpy as np
import pytest

from experiments.lib import svg0_comparison
from quinoa_acme.runs.sweeps import results


@pytest.fixture
def plan():
  return svg0_comparison.Plan(
    env_name='control:pendulum:swingup',
    num_steps=10,
    eval_every=10,
    evaluation_episodes=1,
    seed=3,
  )


def test_a_row_has_the_columns_of_results(plan):
  row = plan.row('svg0', 2500, 1.234, 56.789)
  assert set(row) == set(results.COLUMNS)
  assert (row['task'], row['seed']) == ('pendulum-swingup', 3)
  assert (row['wall_clock'], row['return']) == (1.2, 56.79)
  # Before there are enough transitions nothing is learnt.
  wait = svg0_comparison.CONFIG.min_replay_size
  assert row['learner_steps'] == 2500 - wait
  assert plan.row('svg0', wait - 1, 0.0, 0.0)['learner_steps'] == 0


def test_actions_out_of_bounds_are_clipped(plan):
  environment = plan.make_environment(0)
  environment.reset()
  far = environment.step(np.full(1, 9.0, np.float32))
  environment = plan.make_environment(0)
  environment.reset()
  edge = environment.step(np.ones(1, np.float32))
  np.testing.assert_array_equal(far.observation, edge.observation)
