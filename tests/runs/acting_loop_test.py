"""Tests of the acting loops: exact steps, counts, and refusals."""

import time

from acme import core
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import dm_env
from dm_env import specs
import numpy as np
import pytest

from quinoa_acme.runs import acting_loop


class _Counting(dm_env.Environment):
  """Gives its step's number as observation and reward, for four steps."""

  def __init__(self, wrong_at=None, wrong=None):
    self.resets = 0
    self._wrong_at, self._wrong = wrong_at, wrong

  def reset(self):
    self.resets += 1
    self._step = 0
    return self._give(dm_env.restart(self._observe()))

  def step(self, action):
    self._step += 1
    kind = dm_env.termination if self._step == 4 else dm_env.transition
    return self._give(kind(float(self._step), self._observe()))

  def observation_spec(self):
    return {
      'position': [specs.Array((2,), np.float64)],
      'time': specs.Array((), np.int64),
    }

  def action_spec(self):
    return specs.Array((), np.float64)

  def _observe(self):
    return {'position': [np.full(2, self._step)], 'time': self._step}

  def _give(self, timestep):
    if self._step == self._wrong_at:
      return timestep._replace(**self._wrong)
    return timestep


class _Actor(core.Actor):
  """Writes down what it sees."""

  def __init__(self):
    self.seen = []
    self.updates = 0

  def select_action(self, observation):
    return observation['time']

  def observe_first(self, timestep):
    self.seen.append('first')

  def observe(self, action, next_timestep):
    assert action == next_timestep.observation['time'] - 1
    self.seen.append(int(next_timestep.observation['time']))

  def update(self, wait=False):
    self.updates += 1


class _Rows(loggers_base.Logger):
  def __init__(self):
    self.rows = []

  def write(self, data):
    self.rows.append(dict(data))

  def close(self):
    pass


def test_the_steps_asked_for_are_made_and_episodes_go_on():
  actor, counter, logger = _Actor(), counting.Counter(), _Rows()
  environment = _Counting()
  loop = acting_loop.ActingLoop(environment, actor, counter, logger)
  assert loop.last_return is None
  assert loop.run_steps(3) == 3
  assert actor.seen == ['first', 1, 2, 3]
  assert counter.get_counts() == {'steps': 3, 'episodes': 0}
  assert not logger.rows
  assert loop.run_steps(3) == 3
  assert actor.seen == ['first', 1, 2, 3, 4, 'first', 1, 2]
  assert counter.get_counts() == {'steps': 6, 'episodes': 1}
  assert loop.last_return == 10.0
  assert actor.updates == 6
  assert environment.resets == 2
  [row] = logger.rows
  assert row['episode_length'] == 4
  assert row['episode_return'] == 10.0
  assert row['steps'] == 4
  assert row['episodes'] == 1
  assert row['steps_per_second'] > 0
  assert loop.run_steps(0) == 0
  assert len(actor.seen) == 8


def test_counts_are_exact_over_many_steps():
  counter = counting.Counter()
  loop = acting_loop.ActingLoop(_Counting(), _Actor(), counter)
  loop.run_steps(203)
  assert counter.get_counts() == {'steps': 203, 'episodes': 50}


def test_a_stop_does_not_wait_for_the_end_of_an_episode():
  actor, counter = _Actor(), counting.Counter()
  loop = acting_loop.ActingLoop(_Counting(), actor, counter)
  assert loop.run_steps(100, lambda: len(actor.seen) > 2) == 2
  assert counter.get_counts() == {'steps': 2, 'episodes': 0}
  assert loop.run_steps(1) == 1
  assert actor.seen == ['first', 1, 2, 3]


def test_an_episode_that_was_begun_before_is_brought_to_its_end():
  first = acting_loop.ActingLoop(environment := _Counting(), _Actor())
  first.run_steps(2)
  logger = _Rows()
  loop = acting_loop.ActingLoop(environment, actor := _Actor(), logger=logger)
  # What an environment that was restored gives.
  other = _Counting()
  loop.resume([other.reset(), other.step(0), other.step(1)])
  assert loop.run_steps(2) == 2
  assert actor.seen == [3, 4]
  assert logger.rows[0]['episode_return'] == 10.0
  assert logger.rows[0]['episode_length'] == 4
  loop.resume([])
  loop.run_steps(1)
  assert actor.seen == [3, 4, 'first', 1]


def test_episodes_are_whole():
  actor = _Actor()
  loop = acting_loop.ActingLoop(_Counting(), actor)
  loop.run_steps(2)
  assert [sum(rewards) for rewards in loop.run_episodes(2)] == [10.0, 10.0]
  assert actor.seen == ['first', 1, 2, *2 * ['first', 1, 2, 3, 4]]
  # What is stopped on the way does not count.
  actor.seen.clear()
  [rewards] = loop.run_episodes(3, lambda: len(actor.seen) >= 7)
  assert sum(rewards) == 10.0


@pytest.mark.parametrize(
  ('step', 'wrong', 'message'),
  [
    (
      2,
      {'observation': {'position': [np.array([1, np.nan])], 'time': 2}},
      r"observation\['position'\]\[0\] that is not finite at step 2",
    ),
    (
      0,
      {'observation': {'position': [np.array([np.inf, 0])], 'time': 0}},
      'observation.* that .* at step 0',
    ),
    (3, {'reward': np.nan}, 'reward that is not finite at step 3'),
    (4, {'discount': np.inf}, 'discount that is not finite at step 4'),
  ],
)
def test_what_is_not_finite_is_refused_by_name(step, wrong, message):
  actor = _Actor()
  loop = acting_loop.ActingLoop(_Counting(step, wrong), actor)
  with pytest.raises(ValueError, match=message):
    loop.run_steps(10)
  # The actor, and so replay, has not seen it.
  assert step not in actor.seen


class _Plain(_Counting):
  """Gives arrays, as nearly all environments do."""

  def observation_spec(self):
    return specs.Array((4,), np.float64)

  def _observe(self):
    # Finite, though their sum is not.
    return np.full(4, np.finfo(np.float32).max)


class _Blind(_Actor):
  """Looks at no observation."""

  def select_action(self, observation):
    return 0

  def observe(self, action, next_timestep):
    self.seen.append(float(next_timestep.reward))


@pytest.mark.parametrize(
  ('wrong', 'message'),
  [
    (None, None),
    (
      {'observation': np.array([np.inf, -np.inf, 0.0, 0.0])},
      'observation that is not finite at step 2',
    ),
    ({'reward': np.float32(np.nan)}, 'reward that is not finite at step 2'),
    ({'discount': -np.inf}, 'discount that is not finite at step 2'),
  ],
)
def test_plain_observations_are_looked_at_too(wrong, message):
  actor = _Blind()
  loop = acting_loop.ActingLoop(_Plain(2, wrong or {}), actor)
  if message is None:
    loop.run_steps(6)
    assert actor.seen == ['first', 1, 2, 3, 4, 'first', 1, 2]
    return
  with pytest.raises(ValueError, match=message):
    loop.run_steps(6)
  assert actor.seen == ['first', 1]


@pytest.mark.parametrize('should_update', [True, False])
def test_updates_the_actor_only_if_it_should(should_update):
  actor = _Actor()
  loop = acting_loop.ActingLoop(_Counting(), actor, should_update=should_update)
  loop.run_steps(6)
  assert actor.updates == (6 if should_update else 0)


def test_the_steps_of_all_actors_are_known_as_far_as_reported():
  """Those of this one at once, and those of others since the last report."""
  parent = counting.Counter()
  parent.increment(actor_steps=100)
  known = []

  class Actor(_Actor):
    def observe(self, action, next_timestep):
      known.append(loop.steps_so_far)
      # Another actor makes ten.
      parent.increment(actor_steps=10)

  loop = acting_loop.ActingLoop(
    _Counting(),
    Actor(),
    counting.Counter(parent, 'actor', time_delta=-1.0),
    steps_between_counts=3,
  )
  loop.run_steps(6)
  # Reports are made after three steps, and at the episode's end.
  assert known == [100, 101, 102, 133, 144, 145]
  assert loop.steps_so_far == 166


class _Several:
  """An actor of several environments that writes down what it sees."""

  def __init__(self):
    self.seen = []
    self.updates = 0

  def select_actions(self, observations):
    return [observation['time'] for observation in observations]

  def observe_first(self, index, timestep):
    self.seen.append((index, 'first'))

  def observe(self, actions, next_timesteps):
    for i, (action, timestep) in enumerate(
      zip(actions, next_timesteps, strict=True)
    ):
      time = int(timestep.observation['time'])
      assert action == time - 1
      self.seen.append((i, time))

  def update(self):
    self.updates += 1


class _Longer(_Counting):
  """Its first episode is in its second step when it starts."""

  def reset(self):
    timestep = super().reset()
    return self.step(None)._replace(
      step_type=timestep.step_type, reward=None, discount=None
    )


def test_several_environments_are_stepped_in_turn():
  actor, counter, logger = _Several(), counting.Counter(), _Rows()
  environments = [_Counting(), _Longer()]
  loop = acting_loop.BatchedActingLoop(environments, actor, counter, logger)
  assert loop.last_return is None
  # Rounded up to as many in each.
  assert loop.run_steps(5) == 6
  first, second = (
    [what for index, what in actor.seen if index == i] for i in range(2)
  )
  assert first == ['first', 1, 2, 3]
  assert second == ['first', 2, 3, 4]
  assert actor.updates == 3
  assert counter.get_counts() == {'steps': 6, 'episodes': 1}
  assert loop.last_return == 9.0
  # The other's episode is not touched by that.
  assert loop.run_steps(2) == 2
  assert actor.seen[-3:] == [(1, 'first'), (0, 4), (1, 2)]
  assert counter.get_counts() == {'steps': 8, 'episodes': 2}
  assert [row['episode_return'] for row in logger.rows] == [9.0, 10.0]
  assert [row['episode_length'] for row in logger.rows] == [3, 4]
  assert loop.run_steps(0) == 0
  assert loop.run_steps(10, lambda: True) == 0


def test_the_rate_of_several_is_that_of_all():
  """Those of an episode alone would be a share of what the actor does."""
  rows = _Rows()
  started = time.monotonic()
  loop = acting_loop.BatchedActingLoop(
    [_Counting(), _Counting()], _Several(), logger=rows
  )
  loop.run_steps(8)
  rate = 8 / (time.monotonic() - started)
  # The first is written when one of the two has made its last step.
  assert [x['episode_length'] for x in rows.rows] == [4, 4]
  assert rows.rows[1]['steps_per_second'] > 0.9 * rate


def test_counts_of_several_environments_are_exact():
  counter = counting.Counter()
  loop = acting_loop.BatchedActingLoop(
    [_Counting() for _ in range(3)], _Several(), counter
  )
  for _ in range(10):
    loop.run_steps(30)
  assert counter.get_counts() == {'steps': 300, 'episodes': 75}


def test_what_one_of_several_gives_that_is_not_finite_is_refused():
  actor = _Several()
  loop = acting_loop.BatchedActingLoop(
    [_Counting(), _Counting(3, {'reward': np.nan})], actor
  )
  with pytest.raises(ValueError, match='reward that is not finite at step 3'):
    loop.run_steps(10)
  assert (1, 3) not in actor.seen
