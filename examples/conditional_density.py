"""A flow outside of RL: the density of y in [-1, 1], given x, from samples.

Run it by `python examples/conditional_density.py`.
"""

import jax
import jax.numpy as jnp
from matplotlib import pyplot as plt
import numpy as np
import optax

from quinoa_acme import networks

# Samples: two arcs, which the bounds reflect.
rng = np.random.default_rng(0)
x = rng.uniform(-1.0, 1.0, (4000, 1)).astype(np.float32)
arc = 1.0 - np.abs(1.0 - np.cos(2.0 * x) - rng.normal(0.0, 0.1, x.shape))
y = (arc * rng.choice([-1.0, 1.0], x.shape)).astype(np.float32)

# The fit: a flow over the box, and its mean log-likelihood.
one = np.ones(1, np.float32)
box = networks.Box(-one, one, shape=(1,))
flow = networks.SplineFlowConfig(num_couplings=2, num_bins=16).make(box)
params = flow.init(jax.random.PRNGKey(0), x, y)
optimizer = optax.adam(3e-3)
state = optimizer.init(params)


@jax.jit
def step(params, state, x, y):
  def loss(params):
    return -jnp.mean(flow.log_prob(params, x, y))

  updates, state = optimizer.update(jax.grad(loss)(params), state)
  return optax.apply_updates(params, updates), state


for _ in range(500):
  rows = rng.integers(len(x), size=256)
  params, state = step(params, state, x[rows], y[rows])
nats = jnp.mean(flow.log_prob(params, x, y))
print(f'Log-likelihood: {nats:.2f} nats; the uniform density has -0.69.')

# The picture: the density at each x, by distrax's interface.
grid = np.linspace(-1.0, 1.0, 81, dtype=np.float32)
density = networks.as_distrax(flow, params, grid[:, None])
points = np.broadcast_to(grid[:, None, None], (81, 81, 1))
figure, axes = plt.subplots(figsize=(4, 3), layout='constrained')
axes.pcolormesh(grid, grid, density.prob(points), cmap='Blues')
axes.plot(x[:300], y[:300], 'k.', markersize=2)
axes.set(xlabel='x', ylabel='y', title='Density of y, given x')
figure.savefig('conditional_density.png', dpi=80)
