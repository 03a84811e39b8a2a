"""Tests of Acme's SAC in the form in which a run takes it."""

import dataclasses

from acme import specs
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import jax
import numpy as np
import pytest

from quinoa_acme.agents import agents
from quinoa_acme.agents import sac

_ACTIONS = specs.BoundedArray((2,), np.float32, -1.0, 1.0)


@pytest.fixture(autouse=True)
def _acme_may_promote_ranks():
  """Acme's losses and distributions do; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


def test_an_agent_belongs_to_its_configuration():
  agent = agents.make_agent(sac.SACConfig())
  assert isinstance(agent, sac.SACAgent)
  with pytest.raises(TypeError, match='configuration of an agent'):
    agents.make_agent('sac')  # pyright: ignore[reportArgumentType]  The error.


@pytest.mark.slow
def test_steps_are_sgd_steps_and_survive_a_restore(
  make_spec, make_batch, as_samples
):
  spec = make_spec(action=_ACTIONS)
  config = dataclasses.replace(sac.SACConfig.debug(), hidden_sizes=(8,))
  agent = agents.make_agent(config)
  counter = counting.Counter()

  def make_learner(seed):
    batches = [make_batch(spec, config.samples_per_step, i) for i in range(4)]
    return agent.make_builder(spec, loggers_base.NoOpLogger).make_learner(
      jax.random.PRNGKey(seed),
      agent.make_networks(spec),
      as_samples(batches[seed:]),
      counter=counter,
    )

  learner = make_learner(0)
  learner.step()
  learner.step()
  assert counter.get_counts()['steps'] == 2 * config.num_sgd_steps_per_step
  saved = jax.tree_util.tree_map(np.array, learner.save())
  assert saved.steps == 10
  learner.step()
  other = make_learner(2)
  other.restore(saved)
  other.step()
  assert other.save().steps == 15
  jax.tree_util.tree_map(
    np.testing.assert_array_equal,
    other.get_variables(['policy']),
    learner.get_variables(['policy']),
  )


def test_another_box_is_refused(make_spec):
  agent = agents.make_agent(sac.SACConfig())
  with pytest.raises(ValueError, match=r'acts in \[-1, 1\]'):
    agent.make_networks(make_spec())


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'learning_rate': 0.0}, 'learning_rate must be positive'),
    ({'tau': -1.0}, 'tau must be positive'),
    ({'discount': 1.0}, r'discount must be in \[0, 1\)'),
    ({'batch_size': 0}, 'batch_size must be a whole number'),
  ],
)
def test_options_of_no_sense_are_refused(options, message):
  with pytest.raises(ValueError, match=message):
    sac.SACConfig(**options)
