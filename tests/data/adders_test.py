"""Tests of adders: of one environment, and of several as those of one."""

import collections
from typing import Any

from acme import specs
from acme import types
from acme.adders import reverb as adders_reverb
import dm_env
import hypothesis
from hypothesis import strategies
import numpy as np
import pytest
import reverb
import tree

from quinoa_acme.agents.common import reverb_replay
from quinoa_acme.data import adders as adders_lib
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import transitions

_SPEC = specs.EnvironmentSpec(
  observations={
    'a': specs.Array((2,), np.float32),
    'b': specs.Array((), np.int32),
  },
  actions=specs.BoundedArray((2,), np.float64, -1, 1),
  rewards=specs.Array((), np.float32),
  discounts=specs.BoundedArray((), np.float32, 0, 1),
)


class _Rows:
  """Keeps what is inserted, packed."""

  def __init__(self, window):
    self._packing = reverb_replay.Packing(_SPEC, window)
    self.rows = []
    self.flushed = 0

  def insert(self, transition):
    self.rows.append(self._packing.pack(transition).tobytes())

  def insert_batch(self, transitions):
    self.rows += [
      row.tobytes() for row in self._packing.pack_batch(transitions)
    ]

  def flush(self):
    self.flushed += 1


def _observe(rng):
  return {
    'a': rng.normal(size=2).astype(np.float32),
    'b': np.int32(rng.integers(9)),
  }


def _disorder(timestep):
  """The time step with its parts in another order."""
  parts = reversed(timestep.observation.items())
  return timestep._replace(observation=collections.OrderedDict(parts))


def _step(rng, ends):
  kind = dm_env.StepType.LAST if ends else dm_env.StepType.MID
  reward, discount = np.float32(rng.normal()), np.float32(rng.uniform())
  return dm_env.TimeStep(kind, reward, discount, _observe(rng))


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(
  window=strategies.integers(1, 4),
  discount=strategies.floats(0.5, 1.0),
  # Whether an episode ends, by turn and environment.
  ends=strategies.lists(
    strategies.tuples(*[strategies.booleans()] * 3), max_size=12
  ),
  seed=strategies.integers(0, 99),
)
def test_the_transitions_are_those_of_an_adder_for_each(
  window, discount, ends, seed
):
  apart, together = _Rows(window), _Rows(window)
  one_by_one = [
    adders_lib.make_adder(apart, 1, window, discount) for _ in range(3)
  ]
  each = _Rows(window)
  batched = [
    adders_lib.BatchedWindowAdder(together, 3, window, discount),
    adders_lib.AdderEach(
      [adders_lib.make_adder(each, 1, window, discount) for _ in range(3)]
    ),
  ]
  rng = np.random.default_rng(seed)
  begins = [True] * 3
  for turn in ends:
    for i in range(3):
      if begins[i]:
        first = dm_env.restart(_observe(rng))
        one_by_one[i].add_first(first)
        for adder in batched:
          adder.add_first(i, _disorder(first))
    actions = rng.uniform(-1, 1, (3, 2))
    steps = [_step(rng, is_end) for is_end in turn]
    for adder, action, step in zip(one_by_one, actions, steps, strict=True):
      adder.add(action, step)
    for adder in batched:
      adder.add(actions, list(map(_disorder, steps)))
    begins = turn
    # After each turn, though in another order, and to the bit.
    assert sorted(together.rows) == sorted(apart.rows)
    assert sorted(each.rows) == sorted(apart.rows)


def test_the_end_of_an_episode_waits_until_it_is_in_replay():
  rows = _Rows(2)
  adder = adders_lib.BatchedWindowAdder(rows, 2, 2, 0.9)
  rng = np.random.default_rng(0)
  for i in range(2):
    adder.add_first(i, dm_env.restart(_observe(rng)))
  adder.add(np.zeros((2, 2)), [_step(rng, False), _step(rng, False)])
  assert not rows.flushed
  adder.add(np.zeros((2, 2)), [_step(rng, True), _step(rng, False)])
  assert rows.flushed == 1


def test_each_episode_must_be_started():
  rows = _Rows(1)
  adder = adders_lib.BatchedWindowAdder(rows, 2, 1, 0.9)
  rng = np.random.default_rng(0)
  steps = [_step(rng, True), _step(rng, False)]
  with pytest.raises(ValueError, match='add_first needs a first time step'):
    adder.add_first(0, steps[1])
  first = dm_env.restart(_observe(rng))
  adder.add_first(0, first)
  with pytest.raises(ValueError, match='before add_first'):
    adder.add(np.zeros((2, 2)), steps)
  with pytest.raises(ValueError, match=r'array \[1\] in its obs.* were \[2\]'):
    adder.add_first(1, dm_env.restart({'a': np.zeros(1), 'b': np.int32(0)}))
  adder.add_first(1, first)
  adder.add(np.zeros((2, 2)), steps)
  # The first's has ended.
  with pytest.raises(ValueError, match='before add_first'):
    adder.add(np.zeros((2, 2)), steps)
  adder.add_first(0, first)
  adder.add(np.zeros((2, 2)), steps)
  assert len(rows.rows) == 4
  adder.reset()
  with pytest.raises(ValueError, match='before add_first'):
    adder.add(np.zeros((2, 2)), steps)


def test_what_an_adder_is_given_is_copied():
  """Environments may write the next observation where the last one was."""
  rng = np.random.default_rng(0)
  observations = [_observe(rng) for _ in range(4)]
  found = []
  for buffer in (None, _observe(rng)):

    def give(observation, buffer=buffer):
      if buffer is None:
        return observation
      buffer['a'][:] = observation['a']
      return buffer | {'b': observation['b']}

    rows = _Rows(2)
    adder = adders_lib.BatchedWindowAdder(rows, 1, 2, 0.9)
    adder.add_first(0, dm_env.restart(give(observations[0])))
    for observation in observations[1:]:
      step = _step(np.random.default_rng(0), False)
      adder.add(
        np.zeros((1, 2)), [step._replace(observation=give(observation))]
      )
    found.append(rows.rows)
  assert len(found[0]) == 2
  assert found[0] == found[1]


def _timestep(kind, value) -> dm_env.TimeStep:
  observation = np.full(3, value, np.float32)
  if kind is dm_env.StepType.FIRST:
    return dm_env.restart(observation)
  if kind is dm_env.StepType.LAST:
    return dm_env.termination(np.float32(value), observation)
  return dm_env.transition(np.float32(value), observation, np.float32(1.0))


def test_no_transition_spans_two_episodes(make_spec):
  first, mid, last = dm_env.StepType
  replay = replay_lib.TransitionReplay(make_spec(), 10, seed=0)
  adder = adders_lib.ReplayAdder(replay)
  action = np.zeros(2, np.float32)
  for start in (0, 10):
    adder.add_first(_timestep(first, start))
    adder.add(action, _timestep(mid, start + 1))
    adder.add(action, _timestep(last, start + 2))
  assert replay.num_inserted == 4
  batch = replay.sample(200)
  rows = {
    (float(a[0]), float(r), float(d), float(b[0]))
    for a, r, d, b in zip(
      batch.observation,
      batch.reward,
      batch.discount,
      batch.next_observation,
      strict=True,
    )
  }
  assert rows == {(0, 1, 1, 1), (1, 2, 0, 2), (10, 11, 1, 11), (11, 12, 0, 12)}


@pytest.mark.parametrize('num_steps', [1, 3])
def test_the_transitions_are_those_of_acme_s_adder(num_steps, make_spec):
  """Two episodes, one shorter than a transition, with discounts."""
  spec = make_spec()
  table = reverb.Table(
    name=adders_reverb.DEFAULT_PRIORITY_TABLE,
    sampler=reverb.selectors.Fifo(),
    remover=reverb.selectors.Fifo(),
    max_size=100,
    max_times_sampled=1,
    rate_limiter=reverb.rate_limiters.MinSize(1),
    signature=adders_reverb.NStepTransitionAdder.signature(spec),
  )
  server = reverb.Server([table])
  client = reverb.Client(f'localhost:{server.port}')
  replay = replay_lib.TransitionReplay(spec, 100, seed=0)
  adders = (
    adders_reverb.NStepTransitionAdder(client, num_steps, 0.9),
    adders_lib.ReplayAdder(replay, num_steps, 0.9),
  )
  rng = np.random.default_rng(0)
  for length in (6, 2):
    steps = [
      dm_env.TimeStep(
        dm_env.StepType.LAST if i == length else dm_env.StepType.MID,
        np.float32(rng.normal()),
        np.float32(rng.uniform()),
        rng.normal(size=3).astype(np.float32),
      )
      for i in range(1, length + 1)
    ]
    first = dm_env.restart(rng.normal(size=3).astype(np.float32))
    actions = rng.normal(size=(length, 2)).astype(np.float32)
    for adder in adders:
      adder.add_first(first)
      for action, step in zip(actions, steps, strict=True):
        adder.add(action, step)
  adders[0].reset()
  # At each step one, and at an episode's end the shorter ones.
  expected = {1: 6 + 2, 3: 6 + 2 + 2 + 1}[num_steps]
  assert replay.num_inserted == expected
  samples: Any = client.sample(table.name, expected, emit_timesteps=False)
  theirs = [
    np.concatenate([np.ravel(column) for column in sample.data])
    for sample in samples
  ]
  columns = [np.reshape(x, (expected, -1)) for x in replay.state().columns]
  ours = np.concatenate(columns, axis=1)
  np.testing.assert_allclose(
    np.array(sorted(map(tuple, ours))),
    np.array(sorted(map(tuple, theirs))),
    rtol=1e-6,
  )


def test_a_window_has_all_of_its_steps(make_spec):
  window, discount = 3, 0.9
  replay = replay_lib.TransitionReplay(make_spec(), 100, 0, window)
  adder = adders_lib.make_adder(replay, 1, window, discount)
  rng = np.random.default_rng(0)
  expected = []
  # The first episode ends in a terminal state, the second is cut off, and the
  # third is shorter than a window.
  for length, last_discount in ((6, 0.0), (5, 0.7), (1, 0.5)):
    states = rng.normal(size=(length + 1, 3)).astype(np.float32)
    actions = rng.normal(size=(length, 2)).astype(np.float32)
    rewards = rng.normal(size=length).astype(np.float32)
    discounts = rng.uniform(size=length).astype(np.float32)
    discounts[-1] = last_discount
    adder.add_first(dm_env.restart(states[0]))
    for i in range(length):
      kind = dm_env.StepType.LAST if i == length - 1 else dm_env.StepType.MID
      adder.add(
        actions[i],
        dm_env.TimeStep(kind, rewards[i], discounts[i], states[i + 1]),
      )
    for i in range(length):
      end = min(i + window, length)
      inside = slice(i, end)
      # Before each step, and after the last.
      decay = np.cumprod([1.0, *discounts[inside]])
      powers = discount ** np.arange(end - i)
      filled = [*range(i + 1, end), *([i] * (i + window - end))]
      weights = np.zeros(window - 1)
      weights[: end - i - 1] = (powers * decay[:-1])[1:]
      expected.append(
        types.Transition(
          observation=states[i],
          action=actions[i],
          reward=rewards[i],
          discount=powers[-1] * decay[-1],
          next_observation=states[end],
          extras=transitions.Later(
            observation=states[filled],
            action=actions[filled],
            reward=rewards[filled],
            weight=weights,
          ),
        )
      )
  found = tree.flatten(replay._take(np.arange(len(replay))))
  wanted = zip(*map(tree.flatten, expected), strict=True)
  assert len(replay) == 12
  for ours, theirs in zip(found, wanted, strict=True):
    np.testing.assert_allclose(ours, np.stack(theirs), rtol=1e-5)


@pytest.mark.parametrize(('window', 'num_inserted'), [(1, 8), (3, 6)])
def test_an_adder_goes_on_in_an_episode(make_spec, window, num_inserted):
  first, mid, last = dm_env.StepType
  steps = [_timestep(first, 0), *(_timestep(mid, i) for i in range(1, 6))]
  steps.append(_timestep(last, 6))
  actions = np.arange(12, dtype=np.float32).reshape(6, 2)

  def run(cut):
    replay = replay_lib.TransitionReplay(make_spec(), 100, 0, window)
    adder = adders_lib.make_adder(replay, 3, window, 0.9)
    adder.add_first(steps[0])
    for i in range(6):
      if i == cut:
        adder = adders_lib.make_adder(replay, 3, window, 0.9)
        adder.resume(steps[: i + 1], actions[:i])
      adder.add(actions[i], steps[i + 1])
    with pytest.raises(ValueError, match='before add_first'):
      adder.add(actions[0], steps[1])
    return replay.state().columns

  uncut = run(None)
  assert len(uncut[0]) == num_inserted
  for cut in range(6):
    np.testing.assert_equal(run(cut), uncut)


def test_an_episode_must_be_started(make_spec):
  first, mid, last = dm_env.StepType
  replay = replay_lib.TransitionReplay(make_spec(), 10, seed=0)
  adder = adders_lib.ReplayAdder(replay)
  action = np.zeros(2, np.float32)
  with pytest.raises(ValueError, match='before add_first'):
    adder.add(action, _timestep(mid, 1))
  with pytest.raises(ValueError, match='needs a first time step'):
    adder.add_first(_timestep(mid, 1))
  adder.add_first(_timestep(first, 0))
  adder.add(action, _timestep(last, 1))
  with pytest.raises(ValueError, match='before add_first'):
    adder.add(action, _timestep(mid, 2))
  adder.add_first(_timestep(first, 0))
  adder.reset()
  with pytest.raises(ValueError, match='before add_first'):
    adder.add(action, _timestep(mid, 2))
  assert replay.num_inserted == 1


@pytest.mark.parametrize('window', [1, 3])
def test_an_observation_that_is_written_over_is_kept(make_spec, window):
  replay = replay_lib.TransitionReplay(make_spec(), 10, 0, window)
  adder = adders_lib.make_adder(replay, 1, window, 0.9)
  buffer, action = np.zeros(3, np.float32), np.zeros(2, np.float32)
  adder.add_first(dm_env.restart(buffer))
  for i in range(5):
    action[:] = i
    buffer += 1
    adder.add(action, dm_env.transition(np.float32(i), buffer))
  sample = replay.sample(50)
  np.testing.assert_array_equal(sample.observation[:, 0], sample.reward)
  np.testing.assert_array_equal(sample.action[:, 1], sample.reward)
  np.testing.assert_array_equal(
    sample.next_observation[:, 2], sample.reward + window
  )
