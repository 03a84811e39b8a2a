"""Tests of what all update steps have in common."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from quinoa_acme.agents.common import updates


def _tree(size: int, seed: int = 0):
  rng = np.random.default_rng(seed)
  return {
    'weight': jnp.asarray(rng.normal(size=(size, 3)), jnp.float32),
    'bias': jnp.asarray(rng.normal(size=2), jnp.float32),
  }


@pytest.mark.parametrize('size', [1, 84, 85, 86, 1000])
def test_a_norm_is_of_all_elements(size):
  tree = _tree(size)
  expected = optax.tree.norm(tree)
  np.testing.assert_allclose(updates.norm(tree), expected, rtol=1e-5)


@pytest.mark.parametrize('max_norm', [0.5, 1000.0])
def test_clipping_is_that_of_optax(max_norm):
  tree = _tree(100)
  clipped, theirs = (
    make(max_norm).update(tree, make(max_norm).init(tree))[0]
    for make in (updates.clip_by_norm, optax.clip_by_global_norm)
  )
  for name in tree:
    np.testing.assert_allclose(clipped[name], theirs[name], rtol=1e-5)


def test_clipping_leaves_zeros_and_hides_no_nan():
  clip = updates.clip_by_norm(1.0)
  zeros = {'w': jnp.zeros(300)}
  np.testing.assert_array_equal(clip.update(zeros, clip.init(zeros))[0]['w'], 0)
  bad = {'w': jnp.zeros(300).at[7].set(jnp.nan)}
  assert np.isnan(clip.update(bad, clip.init(bad))[0]['w'][7])
