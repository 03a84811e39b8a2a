"""What every conditional flow over a box is held to, whatever its family."""

import itertools
from typing import Any, NamedTuple

import haiku as hk
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np

from quinoa_acme import networks as networks_lib
from quinoa_acme.utils import specs

_BATCH = 16


class Density(NamedTuple):
  """A flow as functions of parameters, observations [B, 3], and actions.

  `sample` takes a key after the parameters, and gives `num_samples` actions of
  each state, [K, B, A], with their log-densities; `draw` does the same with
  actions that are taken as given.
  """

  box: networks_lib.Box
  init: Any
  log_prob: Any
  sample: Any
  draw: Any


def make(module, box: networks_lib.Box, num_samples: int = 64) -> Density:
  """Makes the functions of `module(box)(observation)`, which is a `Flow`."""

  def functions():
    flow = module(box)

    def sample(observation):
      return flow(observation).sample_and_log_prob(
        seed=hk.next_rng_key(), sample_shape=(num_samples,)
      )

    def draw(observation):
      return flow(observation).draw(hk.next_rng_key(), num_samples)

    def log_prob(observation, action):
      return flow(observation).log_prob(action)

    return log_prob, (log_prob, sample, draw)

  init, (log_prob, sample, draw) = hk.multi_transform(functions)
  return Density(
    box=box,
    init=jax.jit(init),
    log_prob=jax.jit(lambda params, *args: log_prob(params, None, *args)),
    sample=jax.jit(sample),
    draw=jax.jit(draw),
  )


def make_box(low, high) -> networks_lib.Box:
  """A box with these bounds."""
  low, high = np.float32(low), np.float32(high)
  return networks_lib.Box.from_spec(
    specs.BoundedArray(low.shape, np.float32, low, high)
  )


BOXES = {
  1: make_box([-0.2], [0.7]),
  2: make_box([-1, -2], [2, 5]),
  3: make_box([-1, 0, 2], [1, 1e-3, 3]),
}


def observations(seed: int, size: int = _BATCH) -> np.ndarray:
  """Random observations, [size, 3]."""
  rng = np.random.default_rng(seed)
  return rng.normal(1.0, 2.0, (size, 3)).astype(np.float32)


def init(density: Density, seed: int) -> Any:
  """Parameters at initialisation."""
  action = np.tile(density.box.low, (_BATCH, 1))
  return density.init(jax.random.PRNGKey(seed), observations(seed), action)


def _corners(box: networks_lib.Box) -> np.ndarray:
  unit = itertools.product([False, True], repeat=box.num_dimensions)
  return np.where(np.array(list(unit)), box.high, box.low)


def check_uniform(density: Density, params: Any, atol: float) -> None:
  """Asserts that samples and corners have the uniform density."""
  _, log_prob = density.sample(params, jax.random.PRNGKey(1), observations(1))
  corners = np.repeat(_corners(density.box)[:, None], _BATCH, axis=1)
  at_corners = density.log_prob(params, observations(1), corners)
  for found in (log_prob, at_corners):
    np.testing.assert_allclose(found, -density.box.log_volume, atol=atol)


def check_one_density(density: Density, params: Any, atol: float) -> None:
  """Asserts that evaluation gives samples the density that sampling does."""
  box, observation = density.box, observations(2)
  key = jax.random.PRNGKey(2)
  sample, log_prob = map(np.asarray, density.sample(params, key, observation))
  assert np.all((sample >= box.low) & (sample <= box.high))
  assert np.ptp(log_prob) > 0.5
  # Not near the faces, where a float32 action does not tell its logit.
  unit = (sample - box.low) / (box.high - box.low)
  inside = np.all((unit > 0.02) & (unit < 0.98), axis=-1)
  evaluated = np.asarray(density.log_prob(params, observation, sample))
  np.testing.assert_allclose(
    evaluated[inside], log_prob[inside], atol=atol, rtol=1e-3
  )


def check_draws(density: Density, params: Any, rtol: float) -> None:
  """Asserts that draws are samples, with the gradient of their log-density."""
  box, observation = density.box, observations(5)
  key = jax.random.PRNGKey(5)
  action, log_prob = density.draw(params, key, observation)
  sample, expected = density.sample(params, key, observation)
  np.testing.assert_array_equal(action, sample)
  np.testing.assert_allclose(log_prob, expected, rtol=1e-5, atol=1e-5)
  # Not near the faces, where a float32 action does not tell its logit.
  unit = (np.asarray(action) - box.low) / (box.high - box.low)
  inside = np.all((unit > 0.02) & (unit < 0.98), axis=-1)
  weights = np.random.default_rng(0).normal(size=log_prob.shape) * inside

  def as_drawn(params):
    action, log_prob = density.draw(params, key, observation)
    return jnp.sum(weights * log_prob) + jnp.sum(action)

  def as_inverted(params):
    return jnp.sum(weights * density.log_prob(params, observation, action))

  found, expected = (
    jax.flatten_util.ravel_pytree(jax.grad(f)(params))[0]
    for f in (as_drawn, as_inverted)
  )
  error = np.linalg.norm(found - expected)
  assert error < rtol * np.linalg.norm(expected)


def check_finite(density: Density, params: Any) -> None:
  """Asserts that density and gradients are finite on the box's corners."""
  corners = np.repeat(_corners(density.box)[:, None], _BATCH, axis=1)
  value, gradients = jax.value_and_grad(
    lambda p: jnp.sum(density.log_prob(p, observations(3), corners))
  )(params)
  for leaf in (value, *jax.tree_util.tree_leaves(gradients)):
    assert np.isfinite(leaf).all()


def check_integral(density: Density, params: Any, atol: float) -> None:
  """Asserts that the density integrates to one; in one or two dimensions."""
  box, dims = density.box, density.box.num_dimensions
  # Even steps in logits resolve the faces.
  num_edges = {1: 2001, 2: 301}[dims]
  edges = 1 / (1 + np.exp(-np.linspace(-13, 13, num_edges)))
  centres, steps = (edges[1:] + edges[:-1]) / 2, np.diff(edges)

  def grid(values):
    axes = np.meshgrid(*dims * [values], indexing='ij')
    return np.stack(axes, axis=-1).reshape(-1, dims)

  width = box.high - box.low
  actions = np.float32(box.low + width * grid(centres))[:, None]
  areas = np.prod(grid(steps) * width, axis=-1)
  log_prob = density.log_prob(params, observations(4, size=1), actions)[:, 0]
  mass = np.sum(np.exp(np.float64(log_prob)) * areas)
  np.testing.assert_allclose(mass, 1.0, atol=atol)
