"""Every task is acted in, those of odd kinds learnt on, or it is refused."""

import functools

from acme import specs as specs_lib
import jax
import numpy as np
import pytest

from experiments.lib import csv_files
from experiments.lib import places
from experiments.lib import task_trials
from quinoa_acme import environments
from quinoa_acme.agents import quinoa

# Their actuators have no limits.
_REFUSED = ('control:lqr:lqr_2_1', 'control:lqr:lqr_6_2')
_GYMNASIUM = tuple(
  f'gymnasium:{name}'
  for name in (
    'Ant-v5',
    'HalfCheetah-v5',
    'Hopper-v5',
    'Humanoid-v5',
    'Pendulum-v1',
    'Walker2d-v5',
  )
)


class _Parameters:
  """Serves a policy's parameters, drawn without compiling their initialiser."""

  def __init__(self, networks: quinoa.QuinoaNetworks):
    shapes = jax.eval_shape(
      networks.policy.init,
      jax.random.PRNGKey(0),
      networks.example_observation,
      networks.example_action,
    )
    rng = np.random.default_rng(0)
    params = jax.tree_util.tree_map(
      lambda x: rng.normal(0.0, 0.1, x.shape).astype(x.dtype), shapes
    )
    self._variables = quinoa.PolicyVariables(params, np.float32(0.1))

  def get_variables(self, names):
    return [self._variables for _ in names]


@pytest.fixture(scope='module')
def make_actor(tiny_config):
  """Makes the agent's actor; tasks of the same sizes share one."""
  agent = quinoa.QuinoaAgent(tiny_config)

  @functools.cache
  def make(num_observations, num_actions, low, high):
    spec = specs_lib.EnvironmentSpec(
      specs_lib.Array((num_observations,), np.float32),
      specs_lib.BoundedArray((num_actions,), np.float32, low, high),
      specs_lib.Array((), np.float32),
      specs_lib.BoundedArray((), np.float32, 0.0, 1.0),
    )
    networks = agent.make_networks(spec)
    return agent.make_builder(spec).make_actor(
      jax.random.PRNGKey(0),
      agent.make_policy(networks),
      variable_source=_Parameters(networks),
    )

  return make


def test_all_tasks_of_the_suite_are_listed_and_those_of_gymnasium():
  names = task_trials.list_tasks()
  assert len(names) == len(set(names)) == 51 + len(_GYMNASIUM)
  assert {*environments.list_tasks(), *_GYMNASIUM} == {*names}


@pytest.mark.slow
@pytest.mark.parametrize(
  'name', [x for x in environments.list_tasks() if x not in _REFUSED]
)
def test_the_agent_acts_in_every_task_of_the_suite(name, make_actor):
  _act(environments.make_environment(name, seed=0), make_actor)


@pytest.mark.slow
@pytest.mark.parametrize('name', _GYMNASIUM)
def test_the_agent_acts_in_the_tasks_of_gymnasium(name, make_actor):
  _act(environments.make_environment(name, seed=0), make_actor)


def _act(environment, make_actor):
  spec = specs_lib.make_environment_spec(environment)
  actor = make_actor(
    spec.observations.shape[0],
    spec.actions.shape[0],
    tuple(np.broadcast_to(spec.actions.minimum, spec.actions.shape)),
    tuple(np.broadcast_to(spec.actions.maximum, spec.actions.shape)),
  )
  actor.update(wait=True)
  timestep = environment.reset()
  actor.observe_first(timestep)
  for _ in range(5):
    action = actor.select_action(timestep.observation)
    spec.actions.validate(action)
    timestep = environment.step(action)
    actor.observe(action, timestep)
    spec.observations.validate(timestep.observation)
    assert np.all(np.isfinite(timestep.observation))
    assert np.isfinite(timestep.reward)
  environment.close()


# Parts of ranks 0, 1 and 2; a task that asks for what draws it.
@pytest.mark.slow
@pytest.mark.parametrize(
  'name', ['control:stacker:stack_2', 'control:quadruped:escape']
)
def test_the_agent_learns_on_a_task_of_an_odd_kind(name):
  row = task_trials.try_task(name, 'debug', num_steps=130)
  assert (row['outcome'], row['reason']) == ('ran', '')
  assert row['actor_steps'] == 130
  assert row['learner_steps'] > 0
  assert np.isfinite(float(row['return']))


@pytest.mark.parametrize('name', _REFUSED)
def test_actions_without_bounds_are_refused_with_the_reason(name):
  row = task_trials.try_task(name, 'debug', num_steps=130)
  assert row['outcome'] == 'refused'
  assert 'minimum -1e+10' in row['reason']
  assert 'there is no bound' in row['reason']


def test_in_the_committed_table_every_task_ran_or_was_refused():
  table = csv_files.read(places.RESULTS / 'tasks.csv')
  rows = {row['task']: row for row in table}
  assert {*rows} == {*task_trials.list_tasks()}
  for name, row in rows.items():
    outcome = 'refused' if name in _REFUSED else 'ran'
    assert row['outcome'] == outcome, row
    assert row['actor_steps'] == ('' if name in _REFUSED else '2000'), row
