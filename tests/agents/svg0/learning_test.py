"""Tests of SVG(0)'s learner and actors, wired as a run wires them."""

import dataclasses

from acme.utils.loggers import base as loggers_base
import dm_env
import jax
import numpy as np
import pytest

from quinoa_acme.agents import agents
from quinoa_acme.agents import svg0
from quinoa_acme.agents.common import learning


@pytest.fixture(scope='module')
def agent():
  return agents.make_agent(
    dataclasses.replace(
      svg0.SVG0Config.debug(),
      policy=svg0.SquashedGaussianConfig(hidden_sizes=(8,)),
      critic_hidden_sizes=(8,),
      batch_size=16,
      num_sgd_steps_per_step=2,
      evaluation_policy=svg0.BaseMode(),
    )
  )


def _make_learner(agent, spec, samples, seed=0):
  builder = agent.make_builder(spec, loggers_base.NoOpLogger)
  networks = agent.make_networks(spec)
  return builder.make_learner(jax.random.PRNGKey(seed), networks, samples)


def _assert_equal(left, right):
  jax.tree_util.tree_map(np.testing.assert_array_equal, left, right)


@pytest.mark.slow
def test_a_restored_learner_goes_on_to_the_bit_and_stops_at_a_nan(
  agent, make_spec, make_batch, as_samples
):
  spec = make_spec()
  batches = [make_batch(spec, 32, seed) for seed in range(4)]
  batches[3].next_observation[20, 1] = np.nan
  learner = _make_learner(agent, spec, as_samples(batches))
  learner.step()
  learner.step()
  saved = learner.save()
  assert saved.steps == 4
  learner.step()
  other = _make_learner(agent, spec, as_samples(batches[2:]), seed=1)
  other.restore(saved)
  other.step()
  _assert_equal(other.save(), learner.save())
  [policy, critic] = other.get_variables(['policy', 'critic'])
  _assert_equal(policy, other.save().params.policy)
  # Row 20 is in the second of the two steps.
  message = 'Learner step 8: the next observation is not finite.*least scale'
  with pytest.raises(learning.NonFiniteError, match=message):
    other.step()
  with pytest.raises(learning.NonFiniteError, match=message):
    other.save()
  # Actors are served the last sound parameters.
  _assert_equal(other.get_variables(['policy', 'critic']), [policy, critic])


def test_actors_sample_and_evaluators_take_the_mode(
  agent, make_spec, make_batch, as_samples
):
  spec = make_spec()
  samples = as_samples([make_batch(spec, 32, 0)])
  learner = _make_learner(agent, spec, samples)
  learner.step()
  networks = agent.make_networks(spec)
  builder = agent.make_builder(spec, loggers_base.NoOpLogger)
  observation = np.ones(3, np.float32)

  def act(policy, num_actions):
    actor = builder.make_actor(
      jax.random.PRNGKey(0), policy, variable_source=learner
    )
    actor.observe_first(dm_env.restart(observation))
    return [actor.select_action(observation) for _ in range(num_actions)]

  samples = act(agent.make_policy(networks), 5)
  modes = act(agent.make_evaluation_policy(networks), 2)
  for action in samples + modes:
    spec.actions.validate(action)
  assert len({float(action[0]) for action in samples}) == 5
  np.testing.assert_array_equal(*modes)
  [params] = learner.get_variables(['policy'])
  np.testing.assert_allclose(
    modes[0],
    networks.policy.mode(params, observation[None])[0],
    rtol=1e-5,
    atol=1e-6,
  )
