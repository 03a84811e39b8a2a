"""Tests of what follows the online parameters slowly, and of the prior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents.common import averaging
from quinoa_acme.agents.quinoa import prior as prior_lib

_ONLINE = {'a': jnp.array([1.0, 2.0]), 'b': {'c': jnp.asarray(-3.0)}}
_SLOW = {'a': jnp.array([0.1, 0.7]), 'b': {'c': jnp.asarray(5.0)}}


def _assert_equal(left, right):
  jax.tree_util.tree_map(np.testing.assert_array_equal, left, right)


def test_a_copy_is_made_at_multiples_of_the_period_and_only_there():
  update = jax.jit(
    lambda steps: averaging.update(
      averaging.CopyEvery(3), _ONLINE, _SLOW, steps
    )
  )
  for steps in range(1, 10):
    _assert_equal(update(steps), _ONLINE if steps in (3, 6, 9) else _SLOW)


def test_the_period_of_the_paper():
  assert averaging.CopyEvery().period == 1000
  for steps, expected in ((999, _SLOW), (1000, _ONLINE), (1001, _SLOW)):
    slow = averaging.update(averaging.CopyEvery(), _ONLINE, _SLOW, steps)
    _assert_equal(slow, expected)


@pytest.mark.parametrize('rate', [0.005, 0.5, 1.0])
def test_polyak_moves_by_its_rate(rate):
  slow = averaging.update(
    averaging.Polyak(rate), _ONLINE, _SLOW, jnp.asarray(7)
  )
  jax.tree_util.tree_map(
    lambda s, x, y: np.testing.assert_allclose(
      s, rate * x + (1 - rate) * y, rtol=1e-6
    ),
    slow,
    _ONLINE,
    _SLOW,
  )


def test_flatten_raises_the_slow_density_to_a_power():
  slow_log_prob = jnp.array([1.0, -4.0])
  prior = prior_lib.LaggedPrior(flatness=0.25)
  flat = prior_lib.flatten(prior, slow_log_prob, uniform_log_prob=-2.0)
  np.testing.assert_allclose(flat, [0.25, -3.5])
  # Without flatness nothing is touched, not even by rounding.
  same = prior_lib.flatten(prior_lib.LaggedPrior(), slow_log_prob, -2.0)
  assert same is slow_log_prob


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda: averaging.CopyEvery(0), 'period must be a whole number .* is 0'),
    (lambda: averaging.Polyak(0.0), r'rate must be in \(0, 1\], but is 0.0'),
    (lambda: averaging.Polyak(1.5), r'rate must be in \(0, 1\], but is 1.5'),
    (
      lambda: prior_lib.LaggedPrior(flatness=1.0),
      r'flatness must be in \[0, 1\), but is 1.0; .* UniformPrior\(\)',
    ),
    (lambda: prior_lib.LaggedPrior(flatness=-0.1), 'flatness .* -0.1'),
  ],
)
def test_options_of_no_sense_are_refused(make, message):
  with pytest.raises(ValueError, match=message):
    make()
