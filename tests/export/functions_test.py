"""Which functions are exported, and what they take."""

import dataclasses

import jax
import numpy as np
import pytest

from quinoa_acme import networks
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import choices
from quinoa_acme.export import functions
from quinoa_acme.export import graph as graph_lib
from quinoa_acme.networks import flows
from quinoa_acme.utils import nests


@pytest.fixture
def parts(nested_spec, make_spec, tiny_config):
  """A tiny agent, its networks and parameters, and the spec."""
  observations = nests.canonical_spec(nested_spec.observations)
  spec = make_spec(observations, nested_spec.actions)
  agent = quinoa.QuinoaAgent(tiny_config)
  made = agent.make_networks(spec)
  params = made.policy.init(
    jax.random.PRNGKey(0), made.example_observation, made.example_action
  )
  return agent, made, quinoa.PolicyVariables(params, np.float32(0.5)), spec


def test_there_are_three_of_named_arrays_in_the_networks_order(parts):
  found = functions.make_functions(*parts)
  observations = [
    ('observation/arm/0', (2, 2), 'float32', ''),
    ('observation/arm/1', (), 'int32', ''),
    ('observation/position', (3,), 'float32', ''),
    ('observation/touches', (2,), 'bool', ''),
  ]
  described = {
    x.name: (
      [(i.name, i.shape, i.dtype.name, i.draw) for i in x.inputs],
      x.output,
      x.shape,
    )
    for x in found
  }
  noise = ('noise', (4,), 'float32', 'uniform')
  action = ('action', (2, 2), 'float32', '')
  assert described == {
    'mode': (observations, 'action', (2, 2)),
    'sample': ([*observations, noise], 'action', (2, 2)),
    'log_prob': ([*observations, action], 'log_prob', ()),
  }


def test_they_compute_what_the_policy_does(parts, make_batch):
  agent, made, params, spec = parts
  batch = make_batch(spec, 5)
  arrays = jax.tree_util.tree_leaves(nests.canonical(batch.observation))
  mode, _, log_prob = functions.make_functions(*parts)
  policy = agent.make_policy(made, choices.BaseMode())
  np.testing.assert_allclose(
    mode.call(params, *arrays),
    policy(params, jax.random.PRNGKey(0), batch.observation),
    rtol=1e-6,
  )
  np.testing.assert_allclose(
    log_prob.call(params, *arrays, batch.action),
    made.policy.log_prob(params, batch.observation, batch.action),
    rtol=1e-6,
  )


def test_parameters_are_named_by_their_paths(parts):
  named = functions.named_leaves(parts[2])
  assert named['temperature'] == 0.5
  assert 'params/tilted_flow/coupling_0/hidden_0/w' in named


def test_an_agent_without_a_density_is_refused(make_spec):
  spec = make_spec()
  agent = sac.SACAgent(sac.SACConfig())
  with pytest.raises(
    graph_lib.ConversionError, match='SACAgent has no make_log'
  ):
    functions.make_functions(agent, None, None, spec)


def _flow_with(**changes):
  """A flow of one's own: the uniform density, but for some functions."""

  def log_prob(params, observation, point, temperature=1.0):
    return 0.0 * point.sum(-1)

  def mode(params, observation, temperature=1.0):
    return 0.0 * observation[:, :2]

  def sample(params, key, observation, num_samples, temperature=1.0):
    shape = (num_samples, observation.shape[0], 2)
    point = jax.random.uniform(key, shape)
    return point, log_prob(params, observation, point)

  given = {
    'init': lambda *args: {},
    'sample_and_log_prob': sample,
    'log_prob': log_prob,
    'mode': mode,
    **changes,
  }
  return networks.ConditionalFlow(**given)


def _bits(params, key, observation, num_samples, temperature=1.0):
  point = jax.random.bits(key, (1, observation.shape[0], 2)) / 2.0**32
  return point, 0.0 * point.sum(-1)


def _one_row(params, key, observation, num_samples, temperature=1.0):
  point = jax.random.uniform(key, (1, 1, 2)) + 0.0 * observation[None, :, :2]
  return point, 0.0 * point.sum(-1)


def _of_eight(params, observation, temperature=1.0):
  return observation.reshape(8, -1)[:, :2]


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({}, ''),
    ({'mode': None}, 'its mode draws random numbers; give its flow a mode'),
    ({'sample_and_log_prob': _bits}, 'otherwise than by jax.random.uniform'),
    ({'sample_and_log_prob': _one_row}, 'not one row an observation'),
    ({'mode': _of_eight}, 'its mode does not take a batch of any size'),
  ],
)
def test_a_flow_that_does_not_fit_is_refused_in_words(
  changes, words, registers, make_spec, tiny_config
):
  @flows.register
  @dataclasses.dataclass(frozen=True)
  class OwnFlowConfig:
    def make(self, box):
      return _flow_with(**changes)

  spec = make_spec()
  config = dataclasses.replace(tiny_config, flow=OwnFlowConfig())
  agent = quinoa.QuinoaAgent(config)
  made = agent.make_networks(spec)
  params = quinoa.PolicyVariables({}, np.float32(1.0))
  if not words:
    assert len(functions.make_functions(agent, made, params, spec)) == 3
    return
  with pytest.raises(graph_lib.ConversionError, match=words):
    functions.make_functions(agent, made, params, spec)
