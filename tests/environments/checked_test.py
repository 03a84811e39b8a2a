"""Tests of the edge of an environment: what is refused, and what is copied."""

import collections

import dm_env
from dm_env import specs
import numpy as np
import pytest

from quinoa_acme.environments import checked
from quinoa_acme.runs import trials

_MID, _LAST = dm_env.StepType.MID, dm_env.StepType.LAST


class _Environment(dm_env.Environment):
  """Gives what it is told to, of the specs that it is told."""

  def __init__(self, observation, action=None, reward=None):
    self.given = []
    self.next = dm_env.restart(None)
    self._specs = observation, action or specs.Array((1,), np.float64), reward
    self.closed = False

  def reset(self):
    return self.next

  def step(self, action):
    self.given.append(action.copy())
    action[:] = 99
    return self.next

  def observation_spec(self):
    return self._specs[0]

  def action_spec(self):
    return self._specs[1]

  def reward_spec(self):
    return self._specs[2] or super().reward_spec()

  def close(self):
    self.closed = True

  @property
  def physics(self):
    return 'physics'


_PLAIN = specs.Array((2,), np.float32)
_NESTED = collections.OrderedDict(
  [('b', specs.Array((2,), np.float32)), ('a', specs.Array((), np.int32))]
)


def _begin(spec=_PLAIN, observation=None, **kwargs):
  inner = _Environment(spec, **kwargs)
  environment = checked.wrap(inner)
  if observation is None:
    observation = np.zeros(2, np.float32)
  inner.next = dm_env.restart(observation)
  environment.reset()
  inner.next = dm_env.transition(1.0, observation)
  return environment, inner


@pytest.mark.parametrize('is_nested', [False, True])
def test_observations_are_copied_and_by_key(is_nested):
  buffer = np.zeros(2, np.float32)
  nest = collections.OrderedDict([('b', buffer), ('a', 3)])
  environment, inner = _begin(
    _NESTED if is_nested else _PLAIN, nest if is_nested else buffer
  )
  inner.next = dm_env.restart(nest if is_nested else buffer)
  seen = [environment.reset()]
  inner.next = dm_env.transition(1.0, inner.next.observation)
  for _ in range(2):
    buffer += 1
    seen.append(environment.step(np.zeros(1)))
  for i, timestep in enumerate(seen):
    observation = timestep.observation
    if is_nested:
      assert type(observation) is dict
      assert list(observation) == ['a', 'b']
      assert observation['a'].dtype == np.int32
      observation = observation['b']
    np.testing.assert_array_equal(observation, [i, i])
  assert type(environment.observation_spec()) is not collections.OrderedDict


def test_an_environment_has_its_actions_to_itself_in_its_dtype():
  environment, inner = _begin()
  action = np.full(1, 0.5, np.float32)
  action.flags.writeable = False  # As those are that come from JAX.
  environment.step(action)
  [given] = inner.given
  assert given.dtype == np.float64
  assert given == action == 0.5


@pytest.mark.parametrize(
  ('action', 'message'),
  [
    (np.zeros(2), r'wrong action at step 1 .* float64 \[1\], but is .*\[2\]'),
    (np.array([np.nan]), 'wrong action at step 1 .* is not finite'),
    (None, 'wrong action at step 1 .* but is None'),
  ],
)
def test_an_action_that_does_not_fit_is_not_made(action, message):
  environment, inner = _begin()
  with pytest.raises(ValueError, match='The policy gave a ' + message):
    environment.step(action)
  assert not inner.given


def test_integers_are_not_cut_off():
  environment, _ = _begin(action=specs.BoundedArray((1,), np.int8, -1, 1))
  with pytest.raises(ValueError, match=r'should be int8 \[1\], but is float32'):
    environment.step(np.full(1, 0.9, np.float32))


_ONE = np.ones(2, np.float32)


@pytest.mark.parametrize(
  ('wrong', 'message'),
  [
    ({'reward': None}, r'wrong reward at step 2 .* float64 \[\], but is None'),
    ({'reward': np.ones(1)}, r'wrong reward at step 2 .* but is float64 \[1\]'),
    ({'reward': np.float32(np.nan)}, 'reward that is not finite at step 2'),
    ({'reward': -np.inf}, 'reward that is not finite at step 2'),
    ({'reward': 1e300}, 'reward that is not finite in float32 at step 2'),
    ({'reward': 'much'}, 'wrong reward at step 2'),
    ({'discount': None}, 'wrong discount at step 2'),
    ({'discount': np.nan}, 'discount that is not finite at step 2'),
    ({'discount': 1.5}, r'wrong discount at step 2 .* should be in \[0, 1\]'),
    ({'discount': -1}, r'wrong discount at step 2 .* should be in \[0, 1\]'),
    ({'observation': None}, r'wrong observation at step 2 .* but is None'),
    ({'observation': _ONE[:1]}, r'observation at step 2 .* \[2\], .* \[1\]'),
    ({'observation': _ONE[None]}, r'observation at step 2 .*, .* \[1, 2\]'),
    ({'observation': _ONE * np.nan}, 'observation that is not finite at step'),
    ({'observation': [1e300, 0]}, r'observation at step 2 .* has 1e\+300'),
    ({'observation': {'a': _ONE}}, 'wrong observation at step 2'),
    ({'step_type': dm_env.StepType.FIRST}, r'FIRST.* at step 2'),
    ({'step_type': 7}, '7 at step 2 of an episode, which is neither'),
  ],
)
def test_what_an_environment_should_not_give_is_told_by_name_and_step(
  wrong, message
):
  environment, inner = _begin()
  environment.step(np.zeros(1))
  inner.next = inner.next._replace(**wrong)
  with pytest.raises(
    ValueError, match='The environment _Environment gave an? .*' + message
  ):
    environment.step(np.zeros(1))


def test_parts_of_a_nest_are_told_by_name():
  environment, inner = _begin(_NESTED, {'a': 1, 'b': _ONE})
  for wrong, message in (
    ({'a': 0.5, 'b': _ONE}, r"observation\['a'\] at step 1 .* float64"),
    ({'a': 1, 'b': _ONE * np.inf}, r"\['b'\] that is not finite at step 2"),
    ({'a': 1, 'c': _ONE}, r"at step 3 .* keys \['a', 'b'\], .* \['a', 'c'\]"),
  ):
    inner.next = dm_env.transition(1.0, wrong)
    with pytest.raises(ValueError, match=message):
      environment.step(np.zeros(1))


def test_what_is_no_time_step_is_refused_and_what_has_its_parts_is_taken():
  environment, inner = _begin()
  inner.next = (_ONE, 1.0, False, {})  # As gym's environments give it.
  with pytest.raises(ValueError, match=r'no dm_env.TimeStep at step 1 .*False'):
    environment.step(np.zeros(1))
  extended = collections.namedtuple(
    'Extended', [*dm_env.TimeStep._fields, 'action']
  )
  inner.next = extended(_MID, 2, np.float32(0.5), _ONE, 7)
  timestep = environment.step(np.zeros(1))
  assert timestep[:3] == (_MID, 2.0, 0.5)
  inner.next = dm_env.transition(1.0, _ONE)
  with pytest.raises(ValueError, match=r'began an episode .* not a first one'):
    environment.reset()


def test_a_step_after_the_last_starts_an_episode():
  environment, inner = _begin()
  inner.next = dm_env.termination(1.0, _ONE)._replace(step_type=int(_LAST))
  assert environment.step(np.zeros(1)).last()
  inner.next = dm_env.restart(_ONE)
  assert environment.step(np.zeros(1)).first()
  assert len(inner.given) == 1
  inner.next = dm_env.transition(np.inf, _ONE)
  with pytest.raises(ValueError, match='at step 1'):
    environment.step(np.zeros(1))


@pytest.mark.parametrize(
  ('spec', 'changes', 'message'),
  [
    (specs.Array((0,), float), {}, 'The observation has no numbers'),
    ({'a': specs.Array((2, 0), float)}, {}, 'The observation has no numbers'),
    ({1: _PLAIN}, {}, 'the observation has the key 1'),
    (_PLAIN, {'reward': specs.Array((2,), float)}, 'the reward is .* single'),
    (_PLAIN, {'action': {'a': _PLAIN}}, 'the action is .* one array'),
  ],
)
def test_specs_are_looked_at_before_the_first_step(spec, changes, message):
  with pytest.raises(ValueError, match=message):
    checked.wrap(_Environment(spec, **changes))


def test_a_part_without_numbers_is_no_harm_beside_others():
  spec = {'a': specs.Array((0,), np.float32), 'b': _PLAIN}
  environment, inner = _begin(spec, {'a': [], 'b': _ONE})
  del inner
  observation = environment.step(np.zeros(1)).observation
  assert observation['a'].shape == (0,)


def test_it_passes_on_what_else_there_is():
  environment, inner = _begin()
  assert environment.physics == 'physics'
  assert environment.action_spec() is inner.action_spec()
  with pytest.raises(AttributeError, match='nothing_such'):
    environment.nothing_such  # noqa: B018
  environment.close()
  assert inner.closed
  assert checked.wrap(environment) is environment


def test_trials_are_checked_too():
  _, inner = _begin()
  inner.next = dm_env.restart(_ONE)
  episodes = trials.run_episodes(lambda _: np.zeros(3), inner)
  with pytest.raises(ValueError, match='The policy gave a wrong action'):
    next(episodes)
