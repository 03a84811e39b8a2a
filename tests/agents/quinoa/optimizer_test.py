"""Adam with clipped gradients, for each part of Quinoa."""

import jax
import numpy as np
import optax

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import optimizer


def test_critics_have_their_own_learning_rate():
  config = quinoa.QuinoaConfig(
    learning_rate=1e-3, fit=quinoa.CriticFit(learning_rate=1e-2)
  )
  params = optimizer.Params(
    {'w': np.zeros(2, np.float32)},
    {'w': np.zeros(3, np.float32)},
    {'w': np.zeros((2, 3), np.float32)},
  )
  adam = optimizer.make_optimizer(config)
  gradients = jax.tree_util.tree_map(np.ones_like, params)
  updates, _ = adam.update(gradients, adam.init(params), params)
  moved = optax.apply_updates(params, updates)
  # The first step of Adam is the learning rate, whatever the gradient.
  np.testing.assert_allclose(moved.policy['w'], -1e-3, rtol=1e-3)
  np.testing.assert_allclose(moved.value['w'], -1e-3, rtol=1e-3)
  np.testing.assert_allclose(moved.critics['w'], -1e-2, rtol=1e-3)
