"""Tests of the replay in one process."""

from acme import specs
from acme import types
import numpy as np
import pytest
import reverb
from scipy import stats

from quinoa_acme.data import replay as replay_lib
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


def test_a_torn_or_foreign_file_is_refused(make_spec, tmp_path):
  path = tmp_path / 'replay.npz'
  _filled(make_spec(), 300, max_size=300).save(path)
  whole = path.read_bytes()
  torn = whole[: len(whole) // 2]
  changed = whole.replace(b'NUMPY', b'NIMPY')
  for content in (torn, b'\x89HDF\r\n\x1a\n' + b'x' * 999, b'', changed):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'replay\.npz is no whole'):
      replay_lib.TransitionReplay.load(path, make_spec(), seed=0)
  np.savez(path, x=np.zeros(3))
  with pytest.raises(ValueError, match='no whole file of transitions'):
    replay_lib.TransitionReplay.load(path, make_spec(), seed=0)


def test_the_replay_of_another_run_is_refused(make_spec, tmp_path):
  _filled(make_spec(), 12, max_size=5).save(tmp_path / 'replay.npz')
  larger = replay_lib.TransitionReplay(make_spec(), 100, seed=0)
  with pytest.raises(ValueError, match='it is from another replay'):
    larger.restore(tmp_path / 'replay.npz')
  assert larger.num_inserted == 0


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
