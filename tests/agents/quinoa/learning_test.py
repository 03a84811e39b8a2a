"""Tests of the learner: pure step, state, data, and what is not finite."""

import dataclasses
import itertools

from acme import specs
import dm_env
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import learning
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update as update_lib
from quinoa_acme.utils import resources


def _assert_equal(left, right):
  jax.tree_util.tree_map(np.testing.assert_array_equal, left, right)


def _distance(left, right) -> float:
  distances = jax.tree_util.tree_map(
    lambda x, y: np.max(np.abs(np.asarray(x) - np.asarray(y))), left, right
  )
  return max(jax.tree_util.tree_leaves(distances))


class _Rows:
  """A logger that keeps what it is given."""

  def __init__(self):
    self.rows = []

  def write(self, row):
    self.rows.append(row)

  def close(self):
    pass


@pytest.fixture(scope='module')
def config(tiny_config):
  """The paper's parts, small: each of them moves within a few steps."""
  return dataclasses.replace(
    tiny_config,
    flow=networks_lib.RealNVPConfig(num_couplings=2, hidden_sizes=(8,)),
    fit=quinoa.DirectFit(),
    returns=quinoa.OneStep(),
    temperature=quinoa.DualTemperature(0.1),
    prior=quinoa.LaggedPrior(quinoa.CopyEvery(3), flatness=0.1),
    target=quinoa.CopyEvery(2),
  )


@pytest.fixture(scope='module')
def networks(make_spec, make_networks, config):
  return make_networks(make_spec(), config)


@pytest.fixture(scope='module')
def batches(make_spec, make_batch):
  return [make_batch(make_spec(), 16, seed) for seed in range(8)]


@pytest.fixture(scope='module')
def windows(make_spec, make_batch, tiny_config):
  """Batches over the steps that the default's targets are over."""
  window = tiny_config.window
  return [make_batch(make_spec(), 16, seed, window) for seed in range(3)]


@pytest.fixture
def make_learner(networks, config, as_samples):
  def make_learner(batches, seed=0, **options):
    logger = _Rows()
    learner = quinoa.QuinoaLearner(
      networks,
      dataclasses.replace(config, **options),
      jax.random.PRNGKey(seed),
      as_samples(batches),
      logger=logger,
    )
    return learner, logger.rows

  return make_learner


def _metrics(rows):
  """The rows without what the clock says."""
  return [
    {k: v for k, v in row.items() if k not in ('steps_per_second', 'walltime')}
    for row in rows
  ]


@pytest.mark.slow
def test_two_learners_of_one_seed_are_equal_to_the_bit(make_learner, batches):
  (first, rows), (second, other_rows) = (
    make_learner(batches) for _ in range(2)
  )
  for _ in range(5):
    first.step()
    second.step()
  assert _metrics(rows) == _metrics(other_rows)
  assert rows[-1]['steps'] == 5
  _assert_equal(first.save(), second.save())
  third, _ = make_learner(batches, seed=1)
  third.step()
  assert _distance(first.save().params, third.save().params) > 1e-3


def test_the_first_batch_sets_the_statistics(make_learner, networks, batches):
  learner, _ = make_learner(batches)
  before = learner.save()
  assert before.steps == 0
  learner.step()
  key = jax.random.PRNGKey(0)
  expected = training_state.make_initial_state(
    networks, learner._config, key, batches[0].observation, batches[0].action
  )
  # Nothing but what depends on the data differs, and the step moved little.
  after = learner.save()
  layer = next(name for name in expected.params.value if 'hidden_0' in name)
  gain = expected.params.value[layer]['gain']
  assert np.abs(gain - before.params.value[layer]['gain']).max() > 0.05
  np.testing.assert_allclose(
    after.params.value[layer]['gain'], gain, atol=0.011
  )
  direction = expected.params.value[layer]['direction']
  np.testing.assert_allclose(
    direction, before.params.value[layer]['direction'], rtol=1e-6
  )


def test_a_restored_learner_goes_on_as_if_nothing_had_been(
  make_learner, batches
):
  learner, rows = make_learner(batches)
  for _ in range(4):
    learner.step()
  saved = learner.save()
  kept = jax.tree_util.tree_map(np.copy, saved)
  learner.step()
  # The other has another seed, and another first batch: both are overwritten.
  other, other_rows = make_learner(batches[4:], seed=1)
  other.restore(saved)
  [policy] = other.get_variables(['policy'])
  _assert_equal(policy.params, saved.params.policy)
  assert policy.temperature == saved.temperature
  other.step()
  _assert_equal(learner.save(), other.save())
  metrics, other_metrics = _metrics(rows)[-1], _metrics(other_rows)[-1]
  del metrics['steps'], other_metrics['steps']
  assert metrics == other_metrics
  # What was saved has a life of its own.
  _assert_equal(saved, kept)


def test_variables_outlive_the_buffers_that_a_step_donates(
  make_learner, batches
):
  learner, _ = make_learner(batches)
  value, policy = learner.get_variables(['value', 'policy'])
  kept = jax.tree_util.tree_map(np.copy, (value, policy))
  for _ in range(3):
    learner.step()
  _assert_equal((value, policy), kept)
  for leaf in jax.tree_util.tree_leaves((value, policy)):
    assert isinstance(leaf, jax.Array)
  assert _distance(policy, learner.get_variables(['policy'])[0]) > 1e-4
  with pytest.raises(KeyError, match=r"\['critic'\].*'policy', 'value'\]"):
    learner.get_variables(['critic', 'policy'])


def test_data_at_an_end_stop_the_learner(make_learner, batches):
  learner, _ = make_learner(batches[:1])
  learner.step()
  with pytest.raises(StopIteration):
    learner.step()


def test_a_step_is_compiled_with_the_options_of_the_process(
  make_learner, batches, monkeypatch
):
  monkeypatch.setattr(resources, 'compiler_options', lambda: {'no_such': True})
  learner, _ = make_learner(batches[:1])
  with pytest.raises(RuntimeError, match='No such compile option'):
    learner.step()


def _spoil(batch, part):
  value = np.array(getattr(batch, part))
  value.flat[3] = np.nan
  return batch._replace(**{part: value})


@pytest.mark.parametrize(
  ('part', 'name'),
  [
    ('reward', 'reward'),
    ('observation', 'observation'),
    ('next_observation', 'next observation'),
    ('action', 'action'),
  ],
)
def test_what_is_not_finite_is_named_and_not_saved(
  make_learner, batches, part, name
):
  data = [*batches[:2], _spoil(batches[2], part), *batches[3:]]
  learner, rows = make_learner(data)
  learner.step()
  learner.step()
  [before] = learner.get_variables(['policy'])
  message = f'Learner step 3: the {name} is not finite'
  with pytest.raises(quinoa.NonFiniteError, match=message):
    learner.step()
  assert len(rows) == 2
  with pytest.raises(quinoa.NonFiniteError, match=message):
    learner.save()
  with pytest.raises(quinoa.NonFiniteError, match=message):
    learner.step()
  # Actors are served the last sound parameters.
  _assert_equal(learner.get_variables(['policy'])[0], before)
  assert jnp.isfinite(jax.tree_util.tree_leaves(before)[0]).all()


@pytest.mark.slow
def test_several_steps_in_one_call_are_several_calls(networks, config, batches):
  update_step = update_lib.make_update_step(networks, config)
  state = training_state.make_initial_state(
    networks,
    config,
    jax.random.PRNGKey(0),
    batches[0].observation,
    batches[0].action,
  )
  one = jax.jit(learning.make_scanned_update(update_step, 1))
  four = jax.jit(learning.make_scanned_update(update_step, 4))
  large = jax.tree_util.tree_map(lambda *xs: np.concatenate(xs), *batches[:4])
  at_once, mean_metrics, finite = four(state, large)
  rows = []
  for batch in batches[:4]:
    state, metrics, _ = one(state, batch)
    rows.append(metrics)
  assert _distance(at_once, state) < 1e-5
  for key, value in mean_metrics.items():
    mean = np.mean([row[key] for row in rows])
    assert float(value) == pytest.approx(mean, rel=1e-4, abs=1e-5)
  assert np.shape(finite.flags) == (4, len(finite.names))
  assert finite.all()


def test_update_and_policy_are_traced_once(
  networks, config, as_samples, batches
):
  traces = []

  def traced(name, function):
    def count(*args):
      traces.append(name)
      return function(*args)

    return count

  policy = dataclasses.replace(
    networks.policy,
    draw=traced('update', networks.policy.draw),
    evaluate_all=traced('update', networks.policy.evaluate_all),
    sample=traced('act', networks.policy.sample),
  )
  counted = dataclasses.replace(networks, policy=policy)
  learner = quinoa.QuinoaLearner(
    counted, config, jax.random.PRNGKey(0), as_samples(batches)
  )
  builder = quinoa.QuinoaBuilder(config)
  actor = builder.make_actor(
    jax.random.PRNGKey(0), quinoa.make_policy(counted), None, learner
  )
  actor.observe_first(dm_env.restart(np.ones(3, np.float32)))
  for i in range(5):
    learner.step()
    if i == 3:
      learner.restore(learner.save())
    actor.update(wait=True)
    actor.select_action(np.ones(3, np.float32))
  assert sorted(traces) == ['act', 'update']


@pytest.fixture(scope='module')
def trajectory(networks, config, batches):
  """The states and metrics of seven steps."""
  update_step = jax.jit(update_lib.make_update_step(networks, config))
  states = [
    training_state.make_initial_state(
      networks,
      config,
      jax.random.PRNGKey(0),
      batches[0].observation,
      batches[0].action,
    )
  ]
  rows = []
  for batch in batches[:7]:
    state, metrics, _ = update_step(states[-1], batch)
    states.append(state)
    rows.append(metrics)
  return states, rows


def test_prior_and_target_are_copied_at_their_periods(trajectory):
  states, _ = trajectory
  for step, (before, after) in enumerate(itertools.pairwise(states), start=1):
    assert after.steps == step
    assert _distance(before.params, after.params) > 1e-5
    policy = quinoa.PolicyVariables(after.params.policy, after.temperature)
    _assert_equal(after.prior, policy if step % 3 == 0 else before.prior)
    _assert_equal(
      after.target,
      after.params.value if step % 2 == 0 else before.target,
    )
    assert np.any(before.key != after.key)


def test_the_metrics_say_what_they_are_named_for(trajectory, config):
  _, rows = trajectory
  for row in rows:
    assert row['value_min'] <= row['value_mean'] <= row['value_max']
    assert row['log_prob_min'] <= row['log_prob_max']
    assert row['log_ratio_min'] <= row['log_ratio_mean']
    assert 1e-4 <= row['temperature'] <= 1e4
    assert 0 <= row['share_at_bounds'] <= 1
    assert float(row['kl_over_epsilon']) == pytest.approx(
      float(row['kl']) / 0.1
    )
  first = rows[0]
  # At first Q is zero, the policy uniform, and V constant.
  assert float(first['kl']) == pytest.approx(0.0, abs=1e-6)
  assert first['value_max'] == first['value_min'] == 0.0
  # Elements of a batch may be rounded in different ways.
  assert float(first['log_prob_max']) == pytest.approx(
    float(first['log_prob_min']), rel=1e-6
  )
  assert float(first['temperature']) == pytest.approx(1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
  'prior', [quinoa.UniformPrior(), quinoa.LaggedPrior(quinoa.Polyak(0.005))]
)
def test_the_loss_falls_on_a_fixed_batch(networks, config, batches, prior):
  config = dataclasses.replace(
    config,
    temperature=quinoa.FixedTemperature(0.5),
    prior=prior,
    target=quinoa.Polyak(0.005),
    discount=0.5,
  )
  update = jax.jit(
    learning.make_scanned_update(
      update_lib.make_update_step(networks, config), 50
    )
  )
  batch = batches[0]
  repeated = jax.tree_util.tree_map(
    lambda x: np.tile(x, (50,) + (1,) * (x.ndim - 1)), batch
  )
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  losses = []
  for _ in range(6):
    state, metrics, _ = update(state, repeated)
    losses.append(float(metrics['loss']))
  assert losses[-1] < 0.3 * losses[0]
  assert bool(state.prior) == isinstance(prior, quinoa.LaggedPrior)


def test_scaled_rewards_are_learnt_as_such(networks, config, batches):
  config = dataclasses.replace(
    config, temperature=quinoa.FixedTemperature(0.5), discount=0.5
  )
  scaled = dataclasses.replace(config, reward_scale=3.0)
  batch = batches[0]
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  expected, metrics, _ = jax.jit(update_lib.make_update_step(networks, config))(
    state, batch._replace(reward=3.0 * batch.reward)
  )
  found, scaled_metrics, _ = jax.jit(
    update_lib.make_update_step(networks, scaled)
  )(state, batch)
  assert _distance(found.params, expected.params) < 1e-6
  assert float(scaled_metrics['target_mean']) == pytest.approx(
    float(metrics['target_mean']), rel=1e-5
  )


@pytest.mark.slow
def test_polyak_averages_move_by_their_rate(networks, config, batches):
  rate = 0.25
  config = dataclasses.replace(
    config,
    prior=quinoa.LaggedPrior(quinoa.Polyak(rate)),
    target=quinoa.Polyak(rate),
  )
  batch = batches[0]
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  after, _, _ = jax.jit(update_lib.make_update_step(networks, config))(
    state, batch
  )
  for slow, old, online in (
    (after.target, state.target, after.params.value),
    (after.prior.params, state.prior.params, after.params.policy),
  ):
    expected = jax.tree_util.tree_map(
      lambda x, y: (1 - rate) * x + rate * y, old, online
    )
    assert _distance(slow, expected) < 1e-6
    assert _distance(slow, old) > 1e-4


@pytest.mark.slow
def test_critics_learn_beside_the_fit(
  make_spec, make_networks, tiny_config, batches
):
  """Critics take the TD target, and V + alpha D follows them."""
  config = dataclasses.replace(
    tiny_config,
    returns=quinoa.OneStep(),
    temperature=quinoa.FixedTemperature(0.5),
    target=quinoa.Polyak(0.25),
    fit=quinoa.CriticFit(hidden_sizes=(16,), num_actions=4, learning_rate=1e-2),
  )
  networks = make_networks(make_spec(), config)
  batch = batches[0]._replace(discount=np.zeros(16, np.float32))
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  # The two start apart, or they would stay equal for ever.
  first, second = (
    jax.tree_util.tree_map(lambda x, i=i: x[i], state.params.critics)
    for i in range(2)
  )
  assert _distance(first, second) > 1e-2
  update_step = update_lib.make_update_step(networks, config)
  after, _, _ = jax.jit(update_step)(state, batch)
  expected = jax.tree_util.tree_map(
    lambda x, y: 0.75 * x + 0.25 * y, state.target, after.params.critics
  )
  assert _distance(after.target, expected) < 1e-6

  update = jax.jit(learning.make_scanned_update(update_step, 100))
  repeated = jax.tree_util.tree_map(
    lambda x: np.tile(x, (100,) + (1,) * (x.ndim - 1)), batch
  )
  rows = []
  for _ in range(8):
    state, metrics, finite = update(state, repeated)
    rows.append(metrics)
    assert all(np.all(x) for x in jax.tree_util.tree_leaves(finite))
  # With discount 0 the reward is all that there is to learn.
  assert rows[-1]['critic_loss'] < 0.2 * rows[0]['critic_loss']
  for name in ('value_loss', 'policy_loss'):
    assert rows[-1][name] < 0.5 * max(row[name] for row in rows)
  parts = ('critic_loss', 'policy_loss', 'value_loss')
  assert float(rows[0]['loss']) == pytest.approx(
    float(sum(rows[0][name] for name in parts)), rel=1e-4
  )


@pytest.mark.slow
@pytest.mark.parametrize(
  'fit', [quinoa.DirectFit(), quinoa.CriticFit(hidden_sizes=(8,))]
)
def test_conservatism_makes_the_data_likely(
  make_spec, make_networks, tiny_config, windows, fit
):
  networks = make_networks(make_spec(), tiny_config)
  batch = windows[0]
  likelihoods = []
  for conservatism in (0.0, 10.0):
    config = dataclasses.replace(
      tiny_config, fit=fit, conservatism=conservatism
    )
    state = training_state.make_initial_state(
      networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
    )
    update = jax.jit(update_lib.make_update_step(networks, config))
    for _ in range(30):
      state, metrics, _ = update(state, batch)
    assert ('conservative_loss' in metrics) == bool(conservatism)
    log_prob = networks.policy.log_prob(
      training_state.policy_of(state), batch.observation, batch.action
    )
    likelihoods.append(float(jnp.mean(log_prob)))
  assert likelihoods[1] > likelihoods[0] + 0.5


_DIRECT, _CRITICS = quinoa.DirectFit(), quinoa.CriticFit(hidden_sizes=(8,))
_AFFINE = networks_lib.RealNVPConfig(2, hidden_sizes=(8,))
_TILTED = networks_lib.TiltedFlowConfig(2, hidden_sizes=(8,))
_ADDITIVE = networks_lib.AdditiveFlowConfig(2, hidden_sizes=(8,))
_SPLINE = networks_lib.SplineFlowConfig(2, hidden_sizes=(8,), num_bins=4)
_LAGGED = quinoa.LaggedPrior(quinoa.Polyak(0.1), flatness=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
  ('fit', 'flow', 'prior', 'temperature'),
  [
    (_DIRECT, _TILTED, _LAGGED, quinoa.DualTemperature(0.1)),
    (_DIRECT, _TILTED, quinoa.UniformPrior(), quinoa.MultiplierTemperature()),
    (_CRITICS, _AFFINE, _LAGGED, quinoa.DualTemperature(0.1)),
    (_CRITICS, _TILTED, _LAGGED, quinoa.MultiplierTemperature(initial=0.1)),
    (_CRITICS, _TILTED, _LAGGED, quinoa.HeldQTemperature(initial=0.1)),
    (_CRITICS, _AFFINE, quinoa.UniformPrior(), quinoa.FixedTemperature(0.1)),
    (_CRITICS, _SPLINE, quinoa.UniformPrior(), quinoa.FixedTemperature(0.1)),
    (_CRITICS, _ADDITIVE, _LAGGED, quinoa.MultiplierTemperature(initial=0.1)),
  ],
)
def test_the_options_go_together(
  make_spec, make_networks, tiny_config, windows, fit, flow, prior, temperature
):
  config = dataclasses.replace(
    tiny_config, fit=fit, flow=flow, prior=prior, temperature=temperature
  )
  networks = make_networks(make_spec(), config)
  batch = windows[0]
  state = first = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  update_step = jax.jit(update_lib.make_update_step(networks, config))
  for batch in windows:
    state, _, finite = update_step(state, batch)
    assert finite.all()
  assert _distance(state.params.policy, first.params.policy) > 1e-4
  assert _distance(state.params.value, first.params.value) > 1e-4
  assert bool(state.prior) == (prior is _LAGGED)


def test_critics_are_not_served_to_actors(
  make_spec, make_networks, tiny_config, windows, as_samples
):
  learner = quinoa.QuinoaLearner(
    make_networks(make_spec(), tiny_config),
    tiny_config,
    jax.random.PRNGKey(0),
    as_samples(windows),
  )
  learner.step()
  with pytest.raises(KeyError, match='critics'):
    learner.get_variables(['critics'])


@pytest.mark.slow
def test_double_precision_and_nested_observations(
  make_spec, make_networks, make_batch, as_samples, tiny_config
):
  spec = make_spec(
    {'z': specs.Array((2,), np.float64), 'n': specs.Array((), np.int32)},
    specs.BoundedArray((2,), np.float64, -1, 1),
  )
  networks = make_networks(spec, tiny_config)
  rows = _Rows()
  learner = quinoa.QuinoaLearner(
    networks,
    tiny_config,
    jax.random.PRNGKey(0),
    as_samples(
      [make_batch(spec, 16, seed, tiny_config.window) for seed in range(2)]
    ),
    logger=rows,
  )
  learner.step()
  learner.step()
  assert np.isfinite(rows.rows[-1]['loss'])
  actor = quinoa.QuinoaBuilder(tiny_config).make_actor(
    jax.random.PRNGKey(0), quinoa.make_policy(networks), None, learner
  )
  observation = {'z': np.array([0.1, 0.2]), 'n': np.int32(3)}
  actor.observe_first(dm_env.restart(observation))
  action = actor.select_action(observation)
  assert action.shape == (2,)
  assert np.all(np.abs(action) <= 1)
