"""Tests of the learner: pure step, state, data, and what is not finite."""

import dataclasses

import dm_env
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.utils import specs


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
