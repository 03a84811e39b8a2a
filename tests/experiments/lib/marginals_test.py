"""Tests of the marginals of a policy's density."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.lib import marginals
from quinoa_acme.agents import quinoa

_LOW, _HIGH = np.array([-1.0, 0.0, -2.0]), np.array([1.0, 3.0, 2.0])


def test_a_grid_integrates_over_the_box():
  grid = marginals.Grid.of_box(_LOW, _HIGH, 12)
  assert np.all(grid.points > _LOW[:, None])
  assert np.all(grid.points < _HIGH[:, None])
  found = np.sum(grid.weights * np.exp(grid.points), axis=1)
  np.testing.assert_allclose(found, np.exp(_HIGH) - np.exp(_LOW), rtol=1e-9)
  np.testing.assert_allclose(grid.areas((0, 2)).sum(), 2 * 4)


def test_the_marginal_of_a_known_density():
  """Of x·z + 2 over [0, 1]^3 times a constant, y being uniform."""
  low, high = np.zeros(3), np.ones(3)

  def log_prob(actions):
    return jnp.log((actions[..., 0] * actions[..., 2] + 2.0) / 2.25)

  # Draws from the density, by rejection.
  rng = np.random.default_rng(0)
  drawn = rng.uniform(size=(8000, 3))
  accept = rng.uniform(size=8000) < (drawn[:, 0] * drawn[:, 2] + 2.0) / 3.0
  samples = jnp.asarray(drawn[accept][:, None], jnp.float32)
  grid = marginals.Grid.of_box(low, high, 6)
  x, y = grid.points[0][:, None], grid.points[1][None, :]
  found = marginals.log_marginal(log_prob, samples, grid, (0, 1))
  assert found.shape == (1, 6, 6)
  exact = np.log((x / 2 + 2.0) / 2.25) + 0 * y
  np.testing.assert_allclose(found[0], exact, atol=0.01)
  # The pair the other way round, and one without any sampling noise: of x and
  # z the third dimension y says nothing.
  found = marginals.log_marginal(log_prob, samples[:1], grid, (2, 0))
  z = grid.points[2][:, None]
  exact = np.log((grid.points[0][None, :] * z + 2.0) / 2.25)
  np.testing.assert_allclose(found[0], exact, atol=1e-5)


def test_the_marginal_of_a_policy_agrees_with_its_samples(
  make_spec, make_networks, tiny_config, perturb
):
  """Bin by bin, in two states at once, for a lopsided box of two dimensions."""
  spec = make_spec()
  networks = make_networks(spec, tiny_config)
  policy = networks.policy
  observation = jnp.array([[1.0, -1.0, 0.5], [-2.0, 0.0, 1.0]])
  params = policy.init(
    jax.random.PRNGKey(0), observation, jnp.zeros((2, 2)) + 0.5
  )
  variables = quinoa.PolicyVariables(
    perturb(params, jax.random.PRNGKey(1), 1.0), jnp.ones(())
  )
  samples, _ = policy.draw(
    variables, jax.random.PRNGKey(2), observation, 20_000
  )
  grid = marginals.Grid.of_box(
    np.array(spec.actions.minimum), np.array(spec.actions.maximum), 24
  )
  found = marginals.log_marginal(
    lambda action: policy.log_prob(variables, observation, action),
    samples[:3],
    grid,
    (0, 1),
  )
  mass = np.exp(np.asarray(found, float)) * grid.areas((0, 1))
  np.testing.assert_allclose(mass.sum(axis=(1, 2)), 1.0, rtol=1e-4)
  middle = (np.array(spec.actions.minimum) + spec.actions.maximum) / 2
  share = (samples < jnp.asarray(middle, jnp.float32)[None, None]).all(-1)
  np.testing.assert_allclose(
    mass[:, :12, :12].sum(axis=(1, 2)), share.mean(0), atol=0.02
  )


def test_pairs_are_those_of_the_paper():
  assert marginals.pairs_of(6) == [(0, 1), (2, 3), (4, 5)]
  assert marginals.pairs_of(5) == [(0, 1), (2, 3)]
  with pytest.raises(ValueError, match='the actions have 1'):
    marginals.pairs_of(1)
  with pytest.raises(ValueError, match='at least 2 points'):
    marginals.Grid.of_box(_LOW, _HIGH, 1)
