"""Tests of SVG(0) as a run takes it."""

import jax
import numpy as np
import pytest

from quinoa_acme.agents import svg0
from quinoa_acme.agents.common import choices
from quinoa_acme.agents.svg0 import update


@pytest.fixture(scope='module')
def agent():
  return svg0.SVG0Agent(svg0.SVG0Config.debug())


def test_it_acts_by_a_sample_or_the_mode_alone(agent, make_spec):
  networks = agent.make_networks(make_spec())
  assert agent.make_policy(networks) is networks.policy.sample
  assert agent.evaluation == 'BaseMode()'
  with pytest.raises(ValueError, match='not by Median'):
    agent.make_policy(networks, choices.Median(9))


def test_the_saved_policy_is_where_the_state_has_it(agent, make_spec):
  networks = agent.make_networks(make_spec())
  saved = agent.saved_policy(networks)
  state = jax.eval_shape(
    lambda key: update.make_initial_state(networks, agent.config, key),
    jax.random.PRNGKey(0),
  )
  paths = {
    jax.tree_util.keystr(path): leaf
    for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]
  }
  found = jax.tree_util.tree_flatten_with_path(saved.like)[0]
  assert len(found) > 1
  for path, leaf in found:
    whole = paths[jax.tree_util.keystr(path)]
    assert (leaf.shape, leaf.dtype) == (whole.shape, whole.dtype)
  assert saved.as_params(state) is state.params.policy
  assert np.dtype(saved.like.steps.dtype) == np.int32
