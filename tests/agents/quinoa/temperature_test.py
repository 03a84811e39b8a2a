"""Tests of the temperature: the dual's root against SciPy's, and the ends."""

import functools
import math

import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize
from scipy import special

from quinoa_acme.agents.quinoa import temperature as temperature_lib

_MINIMUM, _MAXIMUM = 1e-4, 1e4

_solve = jax.jit(temperature_lib.solve_dual)
_dual = jax.jit(temperature_lib.dual)
_derivative = jax.jit(temperature_lib.dual_derivative)
_slope = jax.jit(jax.grad(temperature_lib.dual))


def _reference(alpha, value, log_ratio, epsilon) -> float:
  """The dual's derivative in double precision."""
  scaled = np.float64(value) / alpha
  logits = scaled + np.float64(log_ratio)
  log_mean = special.logsumexp(logits) - np.log(logits.size)
  # Softmax-weighted; the constant taken off changes nothing but rounding.
  centred = scaled - scaled.max()
  log_mean -= scaled.max()
  return epsilon + log_mean - np.sum(special.softmax(logits) * centred)


@st.composite
def _batches(draw):
  """V and D of a batch, and an epsilon for which there may be a root."""
  size = draw(st.sampled_from([8, 256]))
  rng = np.random.default_rng(draw(st.integers(0, 2**31 - 1)))
  scale = 10 ** draw(st.floats(-2, 3))
  offset = draw(st.sampled_from([0.0, 1.0, -100.0])) * scale
  value = offset + scale * rng.normal(size=size)
  log_ratio = draw(st.floats(0, 5)) * rng.normal(size=size)
  epsilon = 0.01 * (90 * math.log(size)) ** draw(st.floats(0, 1))
  return value.astype(np.float32), log_ratio.astype(np.float32), epsilon


@hypothesis.settings(deadline=None, max_examples=150, derandomize=True)
@hypothesis.given(_batches())
def test_the_dual_is_solved_as_scipy_solves_it(batch):
  value, log_ratio, epsilon = batch

  def reference(log_alpha):
    return _reference(np.exp(log_alpha), value, log_ratio, epsilon)

  ends = reference(np.log(_MINIMUM)), reference(np.log(_MAXIMUM))
  # Where an end's sign is rounding's, either answer is right.
  hypothesis.assume(min(map(abs, ends)) > 1e-4)
  alpha = float(_solve(value, log_ratio, epsilon, _MINIMUM, _MAXIMUM))
  if ends[0] > 0:
    assert alpha == pytest.approx(_MINIMUM)
  elif ends[1] < 0:
    assert alpha == pytest.approx(_MAXIMUM)
  else:
    root = optimize.brentq(reference, np.log(_MINIMUM), np.log(_MAXIMUM))
    # The derivative in float32 has noise of about 1e-6 times its terms.
    assert (
      abs(np.log(alpha) - root) < 2e-3 or abs(reference(np.log(alpha))) < 1e-4
    )


def test_half_of_the_batches_have_a_root_within_the_bracket():
  # Else the test above would compare ends only.
  rng = np.random.default_rng(0)
  alphas = []
  for scale in 10 ** np.linspace(-2, 3, 10):
    for spread in (0.0, 0.5, 1.0):
      value = (scale * rng.normal(size=256)).astype(np.float32)
      log_ratio = (spread * rng.normal(size=256)).astype(np.float32)
      alphas.append(_solve(value, log_ratio, 0.1, _MINIMUM, _MAXIMUM))
  inside = (np.array(alphas) > 2e-4) & (np.array(alphas) < 5e3)
  assert inside.mean() > 0.5


def test_for_a_small_bound_alpha_follows_the_spread_of_the_values():
  value = np.random.default_rng(0).normal(size=4096).astype(np.float32)
  zeros = np.zeros_like(value)
  for scale in (0.1, 1.0, 10.0):
    alpha = _solve(scale * value, zeros, 0.01, _MINIMUM, _MAXIMUM)
    expected = scale * value.std() / math.sqrt(2 * 0.01)
    assert alpha == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize('epsilon', [math.log(8) * 1.001, 5.0])
def test_a_bound_that_no_batch_exceeds_gives_the_minimum(epsilon):
  value = np.arange(8, dtype=np.float32)
  alpha = _solve(value, np.zeros(8, np.float32), epsilon, _MINIMUM, _MAXIMUM)
  assert alpha == pytest.approx(_MINIMUM)


@pytest.mark.parametrize('constant', [0.0, -3.0, 1e6])
def test_constant_values_give_the_minimum(constant):
  value = np.full(8, constant, np.float32)
  alpha = _solve(value, np.zeros(8, np.float32), 0.1, _MINIMUM, _MAXIMUM)
  assert alpha == pytest.approx(_MINIMUM)


def test_a_derivative_that_is_negative_everywhere_gives_the_maximum():
  value = np.linspace(-1, 1, 8).astype(np.float32)
  log_ratio = np.full(8, -2.0, np.float32)
  assert _derivative(_MAXIMUM, value, log_ratio, 0.1) < 0
  alpha = _solve(value, log_ratio, 0.1, _MINIMUM, _MAXIMUM)
  assert alpha == pytest.approx(_MAXIMUM)


@hypothesis.settings(deadline=None, max_examples=60, derandomize=True)
@hypothesis.given(_batches(), st.floats(-2, 3))
def test_the_derivative_is_that_of_the_dual(batch, log_alpha):
  value, log_ratio, epsilon = batch
  # In units of the values' own spread, as where the root is.
  alpha = np.float32(max(value.std(), 1e-3) * 10 ** (log_alpha / 2))
  derivative = _derivative(alpha, value, log_ratio, epsilon)
  slope = _slope(alpha, value, log_ratio, epsilon)
  size = 1 + np.ptp(value) / alpha
  assert float(derivative) == pytest.approx(
    float(slope), abs=1e-5 * size, rel=1e-4
  )
  expected = _reference(alpha, value, log_ratio, epsilon)
  assert float(derivative) == pytest.approx(expected, abs=1e-5 * size, rel=1e-4)


@hypothesis.settings(deadline=None, max_examples=60, derandomize=True)
@hypothesis.given(_batches(), st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_dual_is_convex(batch, left, right):
  value, log_ratio, epsilon = batch
  left, right = (np.float32(value.std() * x) for x in (left, right))
  ends = [_dual(alpha, value, log_ratio, epsilon) for alpha in (left, right)]
  middle = _dual((left + right) / 2, value, log_ratio, epsilon)
  rounding = 1e-5 * (np.abs(value).max() + max(left, right) * 30)
  assert middle <= np.mean(ends) + rounding
  slopes = [
    _derivative(alpha, value, log_ratio, epsilon)
    for alpha in sorted((left, right))
  ]
  assert slopes[1] >= slopes[0] - 1e-4


@pytest.mark.parametrize(
  'shapes', [((8,), (4,)), ((8,), (8, 1)), ((8, 1), (8, 1)), ((), ())]
)
def test_other_ranks_are_refused(shapes):
  with pytest.raises(AssertionError):
    temperature_lib.solve_dual(*map(jnp.ones, shapes), 0.1, 1e-4, 1e4)


def _counted(function):
  """Returns a function, and the list of points at which it was called."""
  points = []

  def counted(x):
    points.append(float(x))
    return function(x)

  return counted, points


@pytest.mark.parametrize(
  ('function', 'root', 'most_calls'),
  [
    (lambda x: x, 0.0, 4),
    (lambda x: 3 * x - 1.2, 0.4, 30),
    (lambda x: jnp.exp(x) - 2, math.log(2), 20),
    (lambda x: (x - 0.3) ** 3, 0.3, 60),
    (lambda x: 1e-12 * (x - 0.3), 0.3, 10),
    (lambda x: 1e12 * (x - 0.3), 0.3, 10),
    (lambda x: jnp.tanh(1e4 * (x - 0.3)), 0.3, 75),
    (lambda x: jnp.where(x < 0.3, -1e-6, 1.0), 0.3, 75),
    (lambda x: jnp.expm1(20 * (x - 0.9)), 0.9, 40),
  ],
)
def test_find_root_finds_it_in_few_steps(function, root, most_calls):
  counted, points = _counted(function)
  with jax.disable_jit():
    found = temperature_lib.find_root(counted, -1.0, 2.0)
  assert found == pytest.approx(root, abs=3e-6)
  assert len(points) <= most_calls
  # Compiled, it is the same.
  compiled = jax.jit(lambda: temperature_lib.find_root(function, -1.0, 2.0))()
  assert compiled == pytest.approx(root, abs=3e-6)


def test_find_root_stops_at_an_exact_zero():
  counted, points = _counted(lambda x: x)
  with jax.disable_jit():
    assert temperature_lib.find_root(counted, -1.0, 1.0) == 0.0
  assert points == [-1.0, 1.0, 0.0]


@pytest.mark.parametrize(
  ('function', 'expected'),
  [
    (lambda x: x + 5, -1.0),
    (lambda x: x - 5, 2.0),
    (lambda x: x + 1, -1.0),
    (lambda x: x - 2, 2.0),
  ],
)
def test_find_root_gives_the_end_that_the_zero_lies_at_or_beyond(
  function, expected
):
  assert temperature_lib.find_root(function, -1.0, 2.0) == expected


def test_find_root_ends_where_its_tolerance_is_below_float32():
  root = temperature_lib.find_root(lambda x: x - 1234.5678, 0.0, 1e6)
  assert root == pytest.approx(1234.5678, rel=1e-6)


# D of two actions in each of two states; its mean is 1.
_FRESH = jnp.array([[0.0, 1.0], [2.0, 1.0]])


def _update(temperature, alpha, kl):
  batch = jnp.linspace(-1, 1, 8)
  return jax.jit(
    lambda a, k: temperature_lib.update(
      temperature, a, batch, 0 * batch, k, _FRESH, num_dimensions=2
    )
  )(alpha, kl)


def test_a_fixed_temperature_stays():
  fixed = temperature_lib.FixedTemperature(0.3)
  alpha = temperature_lib.initial(fixed)
  assert alpha == np.float32(0.3)
  assert alpha.dtype == jnp.float32
  assert _update(fixed, alpha, 100.0) == alpha
  assert temperature_lib.bound_on_kl(fixed, 2) is None


def test_the_dual_is_solved_whatever_alpha_was():
  dual = temperature_lib.DualTemperature(epsilon=0.1)
  batch = jnp.linspace(-1, 1, 8)
  expected = _solve(batch, 0 * batch, 0.1, 1e-4, 1e4)
  for alpha in (temperature_lib.initial(dual), 0.01):
    assert float(_update(dual, alpha, 0.0)) == pytest.approx(
      float(expected), rel=1e-5
    )
  assert temperature_lib.bound_on_kl(dual, 2) == 0.1


def test_a_multiplier_moves_with_the_violation():
  multiplier = temperature_lib.MultiplierTemperature(
    epsilon=0.25, initial=2.0, rate=0.1
  )
  assert temperature_lib.bound_on_kl(multiplier, 2) == 0.5
  alpha = temperature_lib.initial(multiplier)
  assert alpha == 2.0
  for kl, log_move in (
    (0.5, 0.0),
    (0.75, 0.05),
    (0.25, -0.05),
    (100.0, 0.1),
    (0.0, -0.1),
    (-100.0, -0.1),
  ):
    expected = 2 * math.exp(log_move)
    assert _update(multiplier, alpha, kl) == pytest.approx(expected, rel=1e-5)


def test_a_multiplier_keeps_its_bounds():
  multiplier = temperature_lib.MultiplierTemperature(
    initial=1.0, rate=1.0, minimum=0.5, maximum=2.0
  )
  for kl, expected in ((100.0, 2.0), (0.0, 0.5)):
    alpha = temperature_lib.initial(multiplier)
    for _ in range(3):
      alpha = _update(multiplier, alpha, kl)
    assert alpha == expected


def test_held_q_kl_is_that_of_the_policy_at_another_temperature():
  """On a grid of actions, against the sums that it estimates."""
  rng = np.random.default_rng(0)
  logits = 2 * rng.normal(size=(3, 10))
  policy = special.softmax(logits, axis=1)
  prior = special.softmax(rng.normal(size=(3, 10)), axis=1)
  # Each action as often as the policy takes it.
  actions = np.stack(
    [rng.choice(10, size=100_000, p=probabilities) for probabilities in policy]
  )
  log_ratio = np.log(policy / prior)
  drawn = np.take_along_axis(log_ratio, actions, axis=1).T
  for eta in (0.7, 1.0, 1.2):
    q = special.softmax(
      (1 - eta) * np.log(prior) + eta * np.log(policy), axis=1
    )
    expected = np.mean(np.sum(q * np.log(q / prior), axis=1))
    estimate = temperature_lib.held_q_kl(np.log(eta), np.float32(drawn))
    assert float(estimate) == pytest.approx(expected, rel=0.03)


def test_held_q_kl_rises_with_eta():
  log_ratio = jnp.asarray(np.random.default_rng(0).normal(size=(4, 32)))
  kls = jax.vmap(temperature_lib.held_q_kl, in_axes=(0, None))(
    jnp.linspace(-1.0, 1.0, 21), log_ratio
  )
  assert np.all(np.diff(kls) > 0)
  assert float(kls[10]) == pytest.approx(float(jnp.mean(log_ratio)), abs=1e-5)


@pytest.mark.parametrize(
  ('epsilon', 'factor'),
  # The bound is of two dimensions, and the mean of D is 1: as it is; at once
  # too little and too much.
  [(0.5, 1.0), (5.0, math.exp(-0.1)), (0.1, math.exp(0.1))],
)
def test_held_q_moves_to_its_bound_by_no_more_than_a_step(epsilon, factor):
  held = temperature_lib.HeldQTemperature(
    epsilon=epsilon, initial=2.0, max_step=0.1
  )
  alpha = temperature_lib.initial(held)
  assert _update(held, alpha, 0.0) == pytest.approx(2 * factor, rel=1e-5)


def test_held_q_meets_its_bound_where_it_is_near():
  held = temperature_lib.HeldQTemperature(epsilon=0.52, initial=2.0, max_step=1)
  alpha = _update(held, temperature_lib.initial(held), 0.0)
  assert 1.5 < alpha < 2.0
  kl = temperature_lib.held_q_kl(jnp.log(2.0 / alpha), _FRESH)
  assert float(kl) == pytest.approx(2 * 0.52, rel=1e-4)


def test_held_q_falls_while_policy_and_prior_are_one():
  held = temperature_lib.HeldQTemperature(max_step=0.1, minimum=0.95)
  update = functools.partial(
    temperature_lib.update,
    held,
    value=jnp.zeros(8),
    log_ratio=jnp.zeros(8),
    kl=jnp.zeros(()),
    fresh_log_ratio=jnp.zeros((4, 8)),
    num_dimensions=2,
  )
  assert update(jnp.ones(())) == np.float32(0.95)


def test_no_gradient_flows_through_the_temperature():
  value = jnp.linspace(-1, 1, 8)

  def loss(value):
    dual = temperature_lib.DualTemperature(0.1)
    return temperature_lib.update(
      dual, jnp.ones(()), value, 0 * value, 0.0, _FRESH, num_dimensions=2
    )

  np.testing.assert_array_equal(jax.jit(jax.grad(loss))(value), np.zeros(8))


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda: temperature_lib.FixedTemperature(0.0), 'value .* but is 0.0'),
    (lambda: temperature_lib.FixedTemperature(math.nan), 'value .* is nan'),
    (
      lambda: temperature_lib.DualTemperature(-1.0),
      'epsilon .* is -1.0',
    ),
    (
      lambda: temperature_lib.DualTemperature(math.inf),
      'epsilon .* is inf',
    ),
    (
      lambda: temperature_lib.DualTemperature(minimum=1.0, maximum=0.5),
      'minimum 1.0 and maximum 0.5',
    ),
    (
      lambda: temperature_lib.DualTemperature(minimum=0.0),
      '0 < minimum .* minimum 0.0',
    ),
    (
      lambda: temperature_lib.MultiplierTemperature(initial=1e5),
      r'initial must lie in \[0.0001, 10000.0\], but is 100000.0',
    ),
    (
      lambda: temperature_lib.HeldQTemperature(initial=1e-9),
      r'initial must lie in \[0.0001, 10000.0\], but is 1e-09',
    ),
    (lambda: temperature_lib.HeldQTemperature(max_step=0), 'max_step .* is 0'),
    (lambda: temperature_lib.MultiplierTemperature(rate=0), 'rate .* is 0'),
    (lambda: temperature_lib.MultiplierTemperature(rate=2), 'rate .* is 2'),
  ],
)
def test_options_of_no_sense_are_refused(make, message):
  with pytest.raises(ValueError, match=message):
    make()
