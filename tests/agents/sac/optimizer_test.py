"""AdamW without the learner's help, beside optax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from quinoa_acme.agents.sac import optimizer as optimizer_lib


def test_it_is_optax_s_to_the_bit():
  params = {'w': jnp.linspace(-2.0, 2.0, 12).reshape(3, 4), 'b': jnp.ones(4)}

  def train(optimizer, more):
    @jax.jit
    def step(params, state, key):
      gradients = jax.tree_util.tree_map(
        lambda x: x + jax.random.normal(key, x.shape), params
      )
      updates, state = optimizer.update(gradients, state, *more(params))
      return optax.apply_updates(params, updates), state

    now, state = params, optimizer.init(params)
    for seed in range(5):
      now, state = step(now, state, jax.random.PRNGKey(seed))
    return now, state

  ours, state = train(optimizer_lib.adamw(1e-2, 0.1), lambda _: ())
  theirs, _ = train(optax.adamw(1e-2, weight_decay=0.1), lambda now: (now,))
  leaves = map(jax.tree_util.tree_leaves, (ours, theirs, state.params))
  for x, y, z in zip(*leaves, strict=True):
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(x, z)


def test_a_parameter_without_gradient_decays():
  params = {'w': jnp.asarray([1.0, -3.0])}
  optimizer = optimizer_lib.adamw(0.1, 0.01)
  zero = {'w': jnp.zeros(2)}
  updates, _ = optimizer.update(zero, optimizer.init(params))
  np.testing.assert_allclose(updates['w'], [-1e-3, 3e-3], rtol=1e-6)
