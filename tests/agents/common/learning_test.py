"""Tests of the learner of all agents, with an algorithm that only adds up."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme.agents.common import learning
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import updates
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import counting
from quinoa_acme.utils import resources

_CONFIG = off_policy.OffPolicyConfig(
  batch_size=2,
  num_sgd_steps_per_step=3,
  min_replay_size=10,
  samples_per_insert=2.0,
  samples_per_insert_tolerance=1e9,
)


class _State(NamedTuple):
  total: jax.Array
  steps: jax.Array


def _update_step(state: _State, batch: types.Transition):
  total = state.total + jnp.sum(batch.reward)
  finite = updates.Finiteness(
    jnp.isfinite(jnp.stack([jnp.sum(batch.reward), total])),
    (('reward', ''), ('total', '.sum')),
  )
  return _State(total, state.steps + 1), {'total': total}, finite


def _batch(*rewards) -> types.Transition:
  reward = np.array(rewards, np.float32)
  return types.Transition(reward, reward, reward, reward, reward)


class _Rows:
  def __init__(self):
    self.rows = []

  def write(self, row):
    self.rows.append(row)

  def close(self):
    pass


@pytest.fixture
def make_learner(as_samples):
  def make_learner(*batches, initialise_from=None):
    logger = _Rows()
    learner = learning.OffPolicyLearner(
      learning.Algorithm(
        _update_step, lambda x: {'sum': x.total}, initialise_from, 'add less'
      ),
      _State(jnp.float32(0.0), jnp.int32(0)),
      _CONFIG,
      as_samples(batches),
      counting.Counter(),
      logger,
    )
    return learner, logger.rows

  return make_learner


def test_a_call_makes_its_steps_one_after_the_other(make_learner):
  learner, rows = make_learner(_batch(1, 2, 3, 4, 5, 6), _batch(*6 * [1]))
  [first] = learner.get_variables(['sum'])
  learner.step()
  learner.step()
  # What was served is not among the buffers that a call donates.
  assert first == 0.0
  # Metrics are the mean over the steps of a call: of 3, 10 and 21.
  assert float(rows[0]['total']) == pytest.approx(34 / 3)
  assert [row['steps'] for row in rows] == [3, 6]
  assert learner.save().steps == 6
  assert learner.get_variables(['sum'])[0] == 27.0


def test_a_state_is_restored_and_published(make_learner):
  first, _ = make_learner(_batch(*range(6)))
  first.step()
  second, rows = make_learner(_batch(*6 * [1]))
  second.restore(first.save())
  assert second.get_variables(['sum'])[0] == 15.0
  second.step()
  assert second.save() == _State(np.float32(21), np.int32(6))
  assert first.save().total == 15.0
  assert len(rows) == 1


def test_the_first_batch_alone_may_give_the_state(make_learner):
  seen = []

  def initialise_from(batch):
    seen.append(batch.reward)
    return _State(jnp.float32(100.0), jnp.int32(0))

  learner, _ = make_learner(
    _batch(*6 * [1]), _batch(*6 * [1]), initialise_from=initialise_from
  )
  learner.step()
  learner.step()
  assert learner.save().total == 112.0
  # Of the size of one step's batch.
  [reward] = seen
  assert reward.shape == (2,)


def test_what_is_not_finite_stops_it_at_its_step(make_learner):
  ones, torn = _batch(*6 * [1]), _batch(1, 1, 1, np.nan, 1, 1)
  learner, rows = make_learner(ones, torn, ones)
  learner.step()
  message = r'Learner step 5: the reward is not finite\..*add less'
  with pytest.raises(learning.NonFiniteError, match=message):
    learner.step()
  for call in (learner.step, learner.save):
    with pytest.raises(learning.NonFiniteError, match='step 5'):
      call()
  assert learner.get_variables(['sum'])[0] == 6.0
  assert len(rows) == 1


def test_an_unknown_variable_is_named(make_learner):
  learner, _ = make_learner()
  with pytest.raises(KeyError, match=r"\['mean'\]; the learner has \['sum'\]"):
    learner.get_variables(['sum', 'mean'])


def test_data_at_an_end_stop_the_learner(make_learner):
  learner, _ = make_learner(_batch(*6 * [1]))
  learner.step()
  with pytest.raises(StopIteration):
    learner.step()


def test_a_step_is_compiled_with_the_options_of_the_process(
  make_learner, monkeypatch
):
  monkeypatch.setattr(resources, 'compiler_options', lambda: {'no_such': True})
  learner, _ = make_learner(_batch(*6 * [1]))
  with pytest.raises(RuntimeError, match='No such compile option'):
    learner.step()
