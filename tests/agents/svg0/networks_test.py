"""Tests of SVG(0)'s networks before the first update."""

import jax
import numpy as np

from quinoa_acme.agents import svg0


def test_at_first_q_is_zero_and_the_mode_the_centre(make_spec, make_batch):
  spec = make_spec()
  networks = svg0.make_networks(
    spec,
    policy=svg0.ClippedGaussianConfig(hidden_sizes=(4,)),
    critic_hidden_sizes=(4,),
  )
  batch = make_batch(spec, 5)
  params = networks.policy.init(jax.random.PRNGKey(0), batch.observation)
  mode = networks.policy.mode(params, batch.observation)
  centre = (spec.actions.minimum + spec.actions.maximum) / 2
  np.testing.assert_allclose(mode, np.tile(centre, (5, 1)), rtol=1e-6)
  critic = networks.critic.init(
    jax.random.PRNGKey(1), batch.observation, batch.action
  )
  q = networks.critic.apply(critic, batch.observation, batch.action)
  np.testing.assert_array_equal(q, np.zeros(5))
  assert networks.example_action.shape == (1, 2)
