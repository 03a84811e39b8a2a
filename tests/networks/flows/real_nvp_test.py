"""Tests of the flow: uniform at first, and an exact density ever after."""

import functools
import itertools
from typing import Any, NamedTuple

import haiku as hk
import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.utils import specs

_BATCH = 32
# Shrinking would compile again and again, and seeds do not shrink.
_PHASES = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
_OBSERVED = 3


def _box(low, high) -> networks_lib.Box:
  low, high = np.float32(low), np.float32(high)
  return networks_lib.Box.from_spec(
    specs.BoundedArray(low.shape, np.float32, low, high)
  )


def _mixed_box(num_dimensions: int, seed: int) -> networks_lib.Box:
  """A box of ordinary, wide and narrow sides, none with its centre at zero."""
  rng = np.random.default_rng(seed)
  width = np.float32(rng.choice([1e-3, 0.7, 2.0, 1e6], num_dimensions))
  low = np.float32(rng.uniform(-1.5, 0.5, num_dimensions)) * width
  return _box(low, low + width)


def _observations(seed: int, batch: int = _BATCH) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.normal(1.0, 4.0, (batch, _OBSERVED)).astype(np.float32)


def _boundary(box: networks_lib.Box, size: int) -> np.ndarray:
  """The box's corners, and points on its faces; [size, A]."""
  rng = np.random.default_rng(0)
  dims = box.num_dimensions
  corners = np.array([*itertools.product([0, 1], repeat=dims)])[: size // 2]
  faces = rng.uniform(0, 1, (size - len(corners), dims))
  face = rng.integers(dims, size=len(faces))
  faces[np.arange(len(faces)), face] = rng.integers(2, size=len(faces))
  unit = np.concatenate([corners, faces])
  inner = box.low + (box.high - box.low) * np.float32(unit)
  return np.where(unit == 1, box.high, np.where(unit == 0, box.low, inner))


class _Flow(NamedTuple):
  """The functions of a flow, of parameters and observations."""

  init: Any
  log_prob: Any
  sample: Any
  couplings: Any


def _make_flow(
  box: networks_lib.Box, num_couplings: int = 4, num_samples: int = 3
) -> _Flow:
  config = networks_lib.RealNVPConfig(num_couplings, hidden_sizes=(8,))

  def make():
    def flow(observation):
      return networks_lib.ConditionalRealNVP(box, config)(observation)

    def log_prob(observation, action):
      return flow(observation).log_prob(action)

    def sample(observation):
      key = hk.next_rng_key()
      policy, shape = flow(observation), (num_samples,)
      drawn, log_prob = policy.sample_and_log_prob(seed=key, sample_shape=shape)
      return drawn, log_prob

    def couplings(observation, base):
      chain = flow(observation)._couplings
      logit, log_det = chain.forward_and_log_det(base)
      back, inverse_log_det = chain.inverse_and_log_det(logit)
      return logit, log_det, back, inverse_log_det

    return log_prob, (log_prob, sample, couplings)

  init, (log_prob, sample, couplings) = hk.multi_transform(make)
  return _Flow(
    init=init,
    log_prob=lambda params, *args: log_prob(params, None, *args),
    sample=sample,
    couplings=lambda params, *args: couplings(params, None, *args),
  )


def _check_uniform(box, flow, seed, jit):
  """Asserts that the flow is uniform at initialisation, to the bit."""

  def densities(key, observation, action, boundary):
    params = flow.init(key, observation, action)
    sample, log_prob = flow.sample(params, key, observation)
    inside = flow.log_prob(params, observation, action)
    at_bounds = flow.log_prob(params, observation, boundary)
    return sample, log_prob, inside, at_bounds

  rng = np.random.default_rng(seed)
  unit = rng.uniform(0, 1, (_BATCH, box.num_dimensions)).astype(np.float32)
  action = np.clip(box.low + (box.high - box.low) * unit, box.low, box.high)
  densities = jax.jit(densities) if jit else densities
  sample, *log_probs = densities(
    jax.random.PRNGKey(seed),
    _observations(seed),
    action,
    _boundary(box, _BATCH),
  )
  sample = np.asarray(sample)
  assert np.all((sample >= box.low) & (sample <= box.high))
  uniform = np.float32(-box.log_volume)
  for log_prob in log_probs:
    np.testing.assert_array_equal(
      log_prob, np.full(log_prob.shape, uniform, np.float32)
    )


@pytest.mark.parametrize('num_dimensions', [8])
def test_the_compiled_policy_is_exactly_uniform_at_first(num_dimensions):
  box = _mixed_box(num_dimensions, seed=num_dimensions)
  flow = _make_flow(box, num_couplings=2, num_samples=1)
  _check_uniform(box, flow, num_dimensions, jit=True)


# Without compilation a new box costs no time.
@hypothesis.settings(
  deadline=None, max_examples=12, derandomize=True, phases=_PHASES
)
@hypothesis.given(
  num_dimensions=st.sampled_from([1, 4]), seed=st.integers(0, 2**31 - 1)
)
@pytest.mark.slow
def test_the_policy_is_exactly_uniform_at_first(num_dimensions, seed):
  box = _mixed_box(num_dimensions, seed)
  flow = _make_flow(box, num_couplings=2)
  _check_uniform(box, flow, seed, jit=False)


_BOXES = {
  1: _box([-0.2], [0.7]),
  2: _box([-1, -2], [2, 5]),
  4: _box([-1, -5e5, 0, 2], [1, 5e5, 1e-3, 3]),
}


class _Checked(NamedTuple):
  """Everything that the tests below look at, for one set of parameters."""

  forward: Any
  sampled: Any
  jacobian: Any
  boundary: Any


@functools.cache
def _checker(num_dimensions: int):
  """Compiles, once a size, all that is looked at."""
  box = _BOXES[num_dimensions]
  flow = _make_flow(box, num_couplings=3, num_samples=1)
  boundary = _boundary(box, _BATCH)

  def check(params, key, observation):
    base_key, sample_key = jax.random.split(key)
    base = jax.random.logistic(base_key, (_BATCH, num_dimensions))

    def of_one(observation, base):
      outputs = flow.couplings(params, observation[None], base[None])
      return outputs[0][0]

    jacobian = jax.vmap(jax.jacrev(of_one, argnums=1))(observation, base)
    samples = flow.sample(params, sample_key, observation)
    log_prob, gradients = jax.value_and_grad(
      lambda p, a: jnp.sum(flow.log_prob(p, observation, a)), argnums=(0, 1)
    )(params, boundary)
    return _Checked(
      forward=(base, *flow.couplings(params, observation, base)),
      sampled=(*samples, flow.log_prob(params, observation, samples[0])),
      jacobian=jacobian,
      boundary=(log_prob, gradients),
    )

  init = jax.jit(flow.init)
  action = np.zeros((_BATCH, num_dimensions), np.float32)
  return lambda key, obs: init(key, obs, action), jax.jit(check)


def _randomised(function):
  """Calls a test with the flow of random sizes, parameters and conditions."""

  @hypothesis.settings(
    deadline=None, max_examples=25, derandomize=True, phases=_PHASES
  )
  @hypothesis.given(
    num_dimensions=st.sampled_from([1, 4]),
    scale=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**31 - 1),
  )
  def test(perturb, num_dimensions, scale, seed):
    init, check = _checker(num_dimensions)
    key, noise_key = jax.random.split(jax.random.PRNGKey(seed))
    params = perturb(init(key, _observations(seed)), noise_key, scale)
    checked = check(params, key, _observations(seed + 1))
    function(_BOXES[num_dimensions], jax.device_get(checked))

  test.__name__ = function.__name__
  return pytest.mark.slow(test)


@_randomised
def test_the_inverse_undoes_the_couplings(box, checked):
  base, logit, log_det, back, inverse_log_det = checked.forward
  # Rounding of a logit is magnified by as much as its dimension was shrunk:
  # for each of the two couplings that move it by at most exp(2).
  scale = np.maximum(np.abs(logit), np.abs(base)) + 1
  assert np.max(np.abs(back - base) / scale) < 2e-4 * box.num_dimensions
  np.testing.assert_allclose(log_det + inverse_log_det, 0, atol=5e-3)
  assert np.isfinite(log_det).all()


@_randomised
def test_the_log_determinant_is_that_of_the_jacobian(box, checked):
  log_det = checked.forward[2]
  assert checked.jacobian.shape == (_BATCH, *2 * (box.num_dimensions,))
  sign, expected = np.linalg.slogdet(checked.jacobian.astype(np.float64))
  np.testing.assert_array_equal(sign, 1)
  np.testing.assert_allclose(log_det, expected, rtol=1e-4, atol=1e-3)


@_randomised
def test_sampling_and_evaluation_give_one_density(box, checked):
  sample, log_prob, evaluated = checked.sampled
  assert np.all((sample >= box.low) & (sample <= box.high))
  # Away from the faces, near which a float32 action does not tell its logit.
  width = box.high - box.low
  unit = (sample - box.low) / width
  resolution = 1e-6 * np.maximum(np.abs(box.low), np.abs(box.high)) / width
  inside = np.all((unit > 0.02) & (unit < 0.98), axis=-1)
  tolerance = 1e-2 + 100 * resolution.max()
  np.testing.assert_allclose(
    evaluated[inside], log_prob[inside], atol=tolerance, rtol=1e-3
  )


@_randomised
def test_the_density_and_its_gradients_are_finite_on_the_closed_box(
  box, checked
):
  log_prob, gradients = checked.boundary
  assert np.isfinite(log_prob)
  for leaf in jax.tree_util.tree_leaves(gradients):
    assert np.isfinite(leaf).all()


@pytest.mark.parametrize('num_dimensions', [1, 2])
def test_the_density_integrates_to_one(perturb, num_dimensions):
  box = _BOXES[num_dimensions]
  flow = _make_flow(box)
  # Even steps in logits resolve the faces; each cell has the area that it has
  # in the box.
  num_edges = {1: 2001, 2: 301}[num_dimensions]
  edges = 1 / (1 + np.exp(-np.linspace(-13, 13, num_edges)))
  centres, steps = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
  units = np.stack(
    np.meshgrid(*num_dimensions * [centres], indexing='ij'), axis=-1
  ).reshape(-1, 1, num_dimensions)
  cells = np.stack(
    np.meshgrid(*num_dimensions * [steps], indexing='ij'), axis=-1
  ).reshape(-1, num_dimensions)
  actions = (box.low + (box.high - box.low) * units).astype(np.float32)
  areas = np.prod(cells * (box.high - box.low), axis=-1)

  log_prob = jax.jit(flow.log_prob)
  init = jax.jit(flow.init)
  far_from_uniform = 0.0
  for seed in range(8):
    first = _observations(seed)
    observation = first[:1]
    key, noise_key = jax.random.split(jax.random.PRNGKey(seed))
    params = init(key, first, np.repeat(actions[0], _BATCH, axis=0))
    params = perturb(params, noise_key, 0.25)
    log_probs = log_prob(params, observation, actions)[:, 0]
    mass = np.sum(np.exp(np.float64(log_probs)) * areas)
    assert mass == pytest.approx(1.0, abs=0.01)
    far_from_uniform = max(far_from_uniform, np.ptp(log_probs))
  assert far_from_uniform > 2.0


def test_samples_have_the_density_that_is_given(perturb):
  # Histogram against density in one dimension: sampling goes forward through
  # the flow, evaluation backward.
  box = _BOXES[1]
  flow = _make_flow(box, num_samples=20_000)
  observation = _observations(0, batch=1)
  key = jax.random.PRNGKey(0)
  params = flow.init(key, observation, np.zeros((1, 1), np.float32))
  params = perturb(params, key, 0.5)
  sample = np.asarray(flow.sample(params, key, observation)[0])[:, 0, 0]
  edges = np.linspace(box.low[0], box.high[0], 21)
  counts, _ = np.histogram(sample, edges)
  fine = np.linspace(box.low[0], box.high[0], 20 * 100 + 1)
  centres = ((fine[1:] + fine[:-1]) / 2).astype(np.float32)
  density = np.exp(flow.log_prob(params, observation, centres[:, None, None]))
  shares = density[:, 0].reshape(20, 100).sum(axis=1) * np.diff(fine)[0]
  assert np.ptp(shares) > 0.02
  np.testing.assert_allclose(counts / len(sample), shares, atol=0.015)


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'max_shift': 0.0}, 'max_shift must be positive and finite.* 0.0'),
    ({'max_shift': np.inf}, 'max_shift .* inf'),
    ({'min_log_scale': 0.0}, r'min_log_scale < 0 .* \[0.0, 0.4\]'),
    ({'max_log_scale': -0.1}, r'max_log_scale, but got \[-2.0, -0.1\]'),
    ({'max_log_scale': np.nan}, 'finite bounds'),
  ],
)
def test_a_flow_of_no_sense_is_refused(options, message):
  with pytest.raises(ValueError, match=message):
    networks_lib.RealNVPConfig(**options)
