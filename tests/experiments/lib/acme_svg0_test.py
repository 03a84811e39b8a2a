"""SVG0 of dm-acme for TensorFlow, trained for a few steps."""

import pytest

from experiments.lib import svg0_comparison
from quinoa_acme.runs.sweeps import results


@pytest.mark.slow
def test_acme_s_agent_acts_and_is_evaluated(tmp_path):
  # Only here, for Sonnet and trfl take seconds.
  from experiments.lib import acme_svg0

  plan = svg0_comparison.Plan(
    env_name='control:cartpole:balance',
    num_steps=10,
    eval_every=10,
    evaluation_episodes=1,
    seed=0,
  )
  ours = plan.row('svg0', 0, 0.0, 300.0)
  acme_svg0.write_rows(plan, [ours], tmp_path / 'table.csv')
  curves = results.read([tmp_path / 'table.csv'])
  points = curves['acme_svg0', 'one-step', 'cartpole-balance']
  assert [point.steps for point in points] == [0, 10]
  # Of an episode of a thousand steps, each of which pays up to one.
  assert all(0 < point.median < 1000 for point in points)
  [point] = curves['svg0', 'one-step', 'cartpole-balance']
  assert point.median == 300.0
