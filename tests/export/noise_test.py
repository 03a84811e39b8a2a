"""What a function draws becomes what it is given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.export import noise


def _uniform(key, x):
  return x + jax.random.uniform(key, x.shape, minval=-2.0, maxval=3.0)


def _normal(key, x):
  return x * jax.random.normal(key, (1, *x.shape))[0]


def _logistic(key, x):
  return x + jax.nn.relu(jax.random.logistic(key, x.shape))


_KEY = jax.random.PRNGKey(5)
_X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
  ('function', 'kind', 'draw'),
  [
    (_uniform, 'uniform', jax.random.uniform),
    (_normal, 'normal', jax.random.normal),
  ],
)
def test_with_jax_s_own_noise_it_gives_what_jax_gives(function, kind, draw):
  def keyed(x):
    return function(_KEY, x)

  assert noise.draws_of(keyed, _X) == [noise.Draw(kind, (2, 3))]
  given = noise.with_noise(keyed, 1)
  np.testing.assert_allclose(
    given(_X, draw(_KEY, (2, 3))), keyed(_X), rtol=1e-6
  )


def test_a_logistic_is_made_of_uniform_noise():
  def keyed(x):
    return _logistic(_KEY, x)

  assert [x.kind for x in noise.draws_of(keyed, _X)] == ['uniform']
  given = noise.with_noise(keyed, 1)(_X, np.full((2, 3), 0.75, np.float32))
  np.testing.assert_allclose(given, _X + np.log(3.0), rtol=1e-6)


def test_several_draws_are_in_their_order():
  def both(x):
    return _normal(_KEY, x) + jax.random.uniform(_KEY, (3,))[None]

  draws = noise.draws_of(both, _X)
  assert draws == [noise.Draw('normal', (2, 3)), noise.Draw('uniform', (3,))]
  given = noise.with_noise(both, 1)
  found = given(_X, np.ones((2, 3), np.float32), np.zeros(3, np.float32))
  np.testing.assert_array_equal(found, _X)


def test_without_a_draw_it_is_the_same_function():
  function = jax.jit(lambda x: jnp.tanh(x))
  assert noise.draws_of(function, _X) == []
  np.testing.assert_array_equal(noise.with_noise(function, 1)(_X), function(_X))
