"""Tests of running statistics of observations, and what they normalise."""

import jax.numpy as jnp
import numpy as np

from quinoa_acme.agents.common import observations

_NORMALISED = observations.NormalisedObservations()


def test_at_first_the_statistics_are_those_of_all_batches():
  rng = np.random.default_rng(0)
  batches = [
    {'b': rng.normal(3.0 * k, 1.0 + k, (32, 2)), 'a': rng.normal(size=(32,))}
    for k in range(4)
  ]
  statistics = observations.initial(_NORMALISED, batches[0])
  for steps, batch in enumerate(batches):
    statistics = observations.update(
      _NORMALISED, statistics, batch, jnp.asarray(steps)
    )
  assert statistics is not None
  for name in ('a', 'b'):
    whole = np.concatenate([batch[name] for batch in batches])
    np.testing.assert_allclose(statistics.mean[name], whole.mean(0), rtol=1e-4)
    np.testing.assert_allclose(
      statistics.variance[name], whole.var(0), rtol=1e-4
    )


def test_later_they_follow_the_data():
  option = observations.NormalisedObservations(rate=0.1)
  statistics = observations.initial(option, np.zeros((8, 1)))
  far = np.random.default_rng(0).normal(5.0, 2.0, (1000, 1))
  for _ in range(100):
    statistics = observations.update(option, statistics, far, jnp.asarray(1000))
  assert statistics is not None
  np.testing.assert_allclose(statistics.mean, far.mean(0), rtol=1e-3)
  np.testing.assert_allclose(statistics.variance, far.var(0), rtol=1e-2)


def test_normalised_features_have_one_scale():
  rng = np.random.default_rng(0)
  observation = {
    'velocity': rng.normal(100.0, 50.0, (512, 3)),
    'contact': rng.integers(0, 2, (512,)),
  }
  statistics = observations.initial(_NORMALISED, observation)
  normalised = observations.normalise(statistics, observation)
  assert list(normalised) == ['contact', 'velocity']
  for x in normalised.values():
    assert x.dtype == jnp.float32
    np.testing.assert_allclose(np.mean(x, axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(np.std(x, axis=0), 1.0, rtol=1e-3)


def test_a_feature_that_never_moved_stays_bounded():
  statistics = observations.initial(_NORMALISED, np.zeros((8, 2)))
  moved = observations.normalise(statistics, np.array([[1e-3, 1e30]]))
  np.testing.assert_allclose(moved, [[0.1, 10.0]], rtol=1e-5)


def test_raw_observations_have_no_statistics():
  observation = {'a': np.ones((2, 3), np.int8)}
  raw = observations.RawObservations()
  assert observations.initial(raw, observation) is None
  assert observations.update(raw, None, observation, jnp.asarray(3)) is None
  assert observations.normalise(None, observation) is observation
