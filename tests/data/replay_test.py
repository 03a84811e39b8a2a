"""Tests of the replay in one process."""

from typing import Any

from acme import specs
from acme import types
from acme.adders import reverb as adders_reverb
import dm_env
import numpy as np
import pytest
import reverb
from scipy import stats
import tree

from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import transitions
from quinoa_acme.utils import common_types


def _transition(i: int) -> types.Transition:
  return types.Transition(
    observation=np.full(3, i, np.float32),
    action=np.full(2, i, np.float32),
    reward=np.float32(i),
    discount=np.float32(1.0),
    next_observation=np.full(3, i + 1, np.float32),
  )


def _filled(spec, num_transitions, max_size, seed=0):
  replay = replay_lib.TransitionReplay(spec, max_size, seed)
  for i in range(num_transitions):
    replay.insert(_transition(i))
  return replay


def test_samples_are_uniform_and_reproducible(make_spec):
  first = _filled(make_spec(), 10, max_size=100).sample(10_000)
  second = _filled(make_spec(), 10, max_size=100).sample(10_000)
  np.testing.assert_array_equal(first.reward, second.reward)
  other = _filled(make_spec(), 10, max_size=100, seed=1).sample(10_000)
  assert np.any(first.reward != other.reward)
  counts = np.bincount(first.reward.astype(int), minlength=10)
  assert stats.chisquare(counts).pvalue > 1e-3


def test_rows_stay_together(make_spec):
  batch = _filled(make_spec(), 10, max_size=100).sample(64)
  assert batch.observation.shape == (64, 3)
  np.testing.assert_array_equal(batch.observation[:, 0], batch.reward)
  np.testing.assert_array_equal(batch.action[:, 1], batch.reward)
  np.testing.assert_array_equal(batch.next_observation[:, 2], batch.reward + 1)


def test_the_oldest_are_dropped_first(make_spec):
  replay = _filled(make_spec(), 3, max_size=5)
  assert (len(replay), replay.num_inserted) == (3, 3)
  replay = _filled(make_spec(), 12, max_size=5)
  assert (len(replay), replay.num_inserted) == (5, 12)
  kept = set(replay.sample(1000).reward.tolist())
  assert kept == {7, 8, 9, 10, 11}


def test_a_sample_is_a_copy(make_spec):
  replay = _filled(make_spec(), 1, max_size=1)
  sample = replay.sample(1)
  replay.insert(_transition(5))
  assert sample.reward == [0]


def test_an_empty_replay_refuses(make_spec):
  with pytest.raises(ValueError, match='Replay is empty'):
    replay_lib.TransitionReplay(make_spec(), 5, seed=0).sample(1)


def test_the_iterator_gives_what_the_learner_takes(make_spec):
  iterator = _filled(make_spec(), 5, max_size=5).as_iterator(7)
  data = next(iterator).data
  assert isinstance(data, common_types.Transition)
  assert data.reward.shape == (7,)
  assert next(iterator).data is not data


def test_dtypes_and_nests_are_kept(make_spec, make_batch):
  spec = make_spec(
    {'b': specs.Array((2,), np.float64), 'a': specs.Array((), np.uint8)},
    specs.BoundedArray((2,), np.float64, -1, 1),
  )
  replay = replay_lib.TransitionReplay(spec, 4, seed=0)
  replay.insert(
    types.Transition(
      observation={'b': np.array([0.1, 0.2]), 'a': 7},
      action=np.array([0.5, -0.5], np.float32),
      reward=1.5,
      discount=1.0,
      next_observation={'b': np.array([0.3, 0.4]), 'a': 9},
    )
  )
  batch = replay.sample(2)
  assert batch.observation['b'].dtype == batch.action.dtype == np.float64
  assert batch.observation['a'].dtype == np.uint8
  assert batch.reward.dtype == np.float32
  np.testing.assert_array_equal(batch.observation['b'], 2 * [[0.1, 0.2]])
  np.testing.assert_array_equal(batch.next_observation['a'], [9, 9])


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
  adder = replay_lib.ReplayAdder(replay)
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
    replay_lib.ReplayAdder(replay, num_steps, 0.9),
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
  adder = replay_lib.make_adder(replay, 1, window, discount)
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
    adder = replay_lib.make_adder(replay, 3, window, 0.9)
    adder.add_first(steps[0])
    for i in range(6):
      if i == cut:
        adder = replay_lib.make_adder(replay, 3, window, 0.9)
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
  adder = replay_lib.ReplayAdder(replay)
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


def test_a_restored_replay_goes_on_as_if_nothing_had_been(make_spec, tmp_path):
  replay = _filled(make_spec(), 12, max_size=5)
  replay.sample(3)
  replay.save(tmp_path / 'new' / 'replay.npz')
  other = replay_lib.TransitionReplay(make_spec(), 5, seed=9)
  other.restore(tmp_path / 'new' / 'replay.npz')
  assert (len(other), other.num_inserted) == (5, 12)
  for each in (replay, other):
    each.insert(_transition(12))
  first, second = replay.sample(100), other.sample(100)
  np.testing.assert_array_equal(first.observation, second.observation)
  np.testing.assert_array_equal(first.reward, second.reward)
  assert set(second.reward.tolist()) == {8, 9, 10, 11, 12}


def test_the_replay_of_another_run_is_refused(make_spec, tmp_path):
  _filled(make_spec(), 12, max_size=5).save(tmp_path / 'replay.npz')
  larger = replay_lib.TransitionReplay(make_spec(), 100, seed=0)
  with pytest.raises(ValueError, match='it is from another replay'):
    larger.restore(tmp_path / 'replay.npz')
  assert larger.num_inserted == 0


@pytest.mark.parametrize('window', [1, 3])
def test_an_observation_that_is_written_over_is_kept(make_spec, window):
  replay = replay_lib.TransitionReplay(make_spec(), 10, 0, window)
  adder = replay_lib.make_adder(replay, 1, window, 0.9)
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


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'observation': np.ones(1)}, r'the observation should be .* is .*\[1\]'),
    ({'next_observation': None}, 'the next_observation should be .* is None'),
    ({'reward': 1e300}, r'the reward should be .* has 1e\+300'),
    ({'action': np.ones((1, 2))}, r'the action should be .* is .*\[1, 2\]'),
  ],
)
def test_what_does_not_fit_is_not_cast(make_spec, change, message):
  replay = _filled(make_spec(), 1, max_size=2)
  with pytest.raises(ValueError, match=message):
    replay.insert(_transition(1)._replace(**change))
  # And nothing of it is there.
  assert replay.num_inserted == 1
  replay.insert(_transition(1))
  assert set(replay.sample(50).observation[:, 0].tolist()) == {0, 1}


@pytest.mark.parametrize(
  ('own', 'other'),
  [
    (common_types.Transition, types.Transition),
    (replay_lib.ReplaySample, reverb.ReplaySample),
    (replay_lib.SampleInfo, reverb.SampleInfo),
  ],
)
def test_what_is_sampled_has_the_fields_of_acmes(own, other):
  assert own._fields == other._fields
  assert own._field_defaults == other._field_defaults
