"""An actor of ours acts as Acme's does."""

import dataclasses

from acme.agents.jax import actor_core
from acme.agents.jax import actors as acme_actors
from acme.jax import variable_utils
import dm_env
import jax
import numpy as np

from quinoa_acme.agents.common import actors
from quinoa_acme.agents.common import variables
from quinoa_acme.utils import core


class _Source(core.VariableSource):
  def get_variables(self, names):
    return [np.float32(0.5) for _ in names]


class _Recorder(core.Adder):
  def __init__(self):
    self.calls = []

  def reset(self):
    self.calls.append('reset')

  def add_first(self, timestep):
    self.calls.append(timestep)

  def add(self, action, next_timestep, extras=()):
    self.calls.append((action, next_timestep, extras))


def _policy(params, key, observation):
  noise = jax.random.normal(key, observation['a'].shape)
  return params * noise + observation['a']


def _act(actor):
  """Actions of two episodes."""
  found = []
  for _ in range(2):
    observation = {'a': np.ones(3, np.float32)}
    actor.observe_first(dm_env.restart(observation))
    for _ in range(3):
      action = actor.select_action(observation)
      actor.observe(action, dm_env.transition(1.0, observation))
      actor.update()
      found.append(action)
  return found


def test_its_actions_are_those_of_acmes():
  key = jax.random.PRNGKey(0)
  adders = _Recorder(), _Recorder()
  own = actors.SaveableActor(
    actors.make_core(_policy),
    key,
    variables.VariableClient(_Source(), 'policy'),
    adders[0],
  )
  acme = acme_actors.GenericActor(
    actor_core.batched_feed_forward_to_actor_core(_policy),
    key,
    variable_utils.VariableClient(_Source(), 'policy'),
    adders[1],
  )
  for found, wanted in zip(_act(own), _act(acme), strict=True):
    assert type(found) is type(wanted)
    np.testing.assert_array_equal(found, wanted)
  assert repr(adders[0].calls) == repr(adders[1].calls)


def test_a_core_has_the_parts_of_acmes():
  names = [
    [x.name for x in dataclasses.fields(kind)]
    for kind in (actors.ActorCore, actor_core.ActorCore)
  ]
  assert names[0] == names[1]
