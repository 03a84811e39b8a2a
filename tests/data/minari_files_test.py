"""Tests of data sets in Minari's format: written, read, and refused."""

import json
import shutil

import dm_env
import gymnasium
import minari
from minari.data_collector import episode_buffer
from minari.dataset import minari_storage
import numpy as np
import pytest

from quinoa_acme.data import adders
from quinoa_acme.data import minari_files
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.environments import gymnasium_adapter
from quinoa_acme.environments import wrappers
from quinoa_acme.utils import specs

_NUMBER = specs.Array((), np.float32)
_DISCOUNT = specs.BoundedArray((), np.float32, 0.0, 1.0)
_ACTIONS = specs.BoundedArray((2,), np.float32, [-1, -2], [2, 5], 'action')
# Not in the order of the keys.
_OBSERVATIONS = {
  'b': specs.Array((2,), np.float32),
  'a': specs.BoundedArray((), np.int32, 0, 9),
}


def _spec(observations=None, actions=_ACTIONS):
  return specs.EnvironmentSpec(
    observations or _OBSERVATIONS, actions, _NUMBER, _DISCOUNT
  )


def _observe(number):
  return {'b': np.float32([number, -number]), 'a': np.int32(number)}


def _act(*adders, observe=_observe, discount=0.0):
  """Three steps to a time limit, then two to an end with this discount."""
  rng = np.random.default_rng(0)
  ends = (3, 1.0), (2, discount)
  for length, last_discount in ends:
    for adder in adders:
      adder.add_first(dm_env.restart(observe(0)))
    for number in range(1, length + 1):
      step = dm_env.transition(np.float32(number / 4), observe(number))
      if number == length:
        step = step._replace(
          step_type=dm_env.StepType.LAST, discount=last_discount
        )
      action = rng.uniform([-1, -2], [2, 5]).astype(np.float32)
      for adder in adders:
        adder.add(action, step)


@pytest.fixture
def folder(tmp_path):
  """A data set of five transitions."""
  recorder = minari_files.Recorder(tmp_path / 'mine-v2', _spec())
  _act(recorder)
  recorder.save(4, description='Two episodes.')
  return tmp_path / 'mine-v2'


def test_transitions_are_read_as_they_were_recorded(folder):
  replay = replay_lib.TransitionReplay(_spec(), 100, seed=1)
  _act(adders.ReplayAdder(replay))
  loaded = minari_files.load(f'minari:{folder}', _spec(), seed=1)
  assert len(loaded) == loaded.num_inserted == 5
  for column, other in zip(
    replay.state().columns, loaded.state().columns, strict=True
  ):
    assert column.dtype == other.dtype
    np.testing.assert_array_equal(column, other)
  # The sampler too.
  np.testing.assert_array_equal(
    replay.sample(8).action, loaded.sample(8).action
  )
  assert minari_files.read_action_repeat(f'minari:{folder}') == 4


def test_minari_tells_a_time_limit_from_an_end(folder, monkeypatch):
  monkeypatch.setenv('MINARI_DATASETS_PATH', str(folder.parent))
  dataset = minari.load_dataset('mine-v2')
  assert list(minari.list_local_datasets()) == ['mine-v2']
  assert dataset.total_steps == 5
  assert dataset.action_space == gymnasium.spaces.Box(
    _ACTIONS.minimum, _ACTIONS.maximum, dtype=np.float32
  )
  first, second = dataset.iterate_episodes()
  assert first.truncations.tolist() == [False, False, True]
  assert not first.terminations.any()
  assert second.terminations.tolist() == [False, True]
  assert not second.truncations.any()
  assert dataset.observation_space['b'].contains(first.observations['b'][3])
  # By its id alone.
  assert len(minari_files.load('minari:mine-v2', _spec(), seed=0)) == 5


def test_what_minari_wrote_is_joined_by_key(tmp_path):
  """As `FlattenObservation` does, in double precision, of a real task."""
  spaces = gymnasium.spaces
  names = ('velocity', 'position')
  space = spaces.Dict({name: spaces.Box(-9, 9, (1,), float) for name in names})
  (tmp_path / 'data').mkdir()
  environment = gymnasium.make('MountainCarContinuous-v0', max_episode_steps=7)
  storage = minari_storage.MinariStorage.new(
    tmp_path / 'data', space, environment.action_space
  )
  observation, _ = environment.reset(seed=1)
  steps = [(observation, None, None, None, None)]
  while not (steps[-1][3] or steps[-1][4]):
    action = environment.action_space.sample()
    observation, reward, *ends, _ = environment.step(action)
    steps.append((observation, action, reward, *ends))
  observations, actions, rewards, terminations, truncations = (
    list(part) for part in zip(*steps, strict=True)
  )
  position, velocity = np.array(observations, float).T[..., None]
  storage.update_episodes(
    [
      episode_buffer.EpisodeBuffer(
        observations={'velocity': velocity, 'position': position},
        actions=actions[1:],
        rewards=rewards[1:],
        terminations=terminations[1:],
        truncations=truncations[1:],
      )
    ]
  )
  storage.update_metadata(
    {'dataset_id': 'car-v0', 'minari_version': minari.__version__}
  )
  spec = specs.make_environment_spec(
    wrappers.SinglePrecisionWrapper(
      gymnasium_adapter.GymnasiumAdapter(environment)
    )
  )
  replay = minari_files.load(f'minari:{tmp_path}', spec, seed=0)
  columns = replay.state().columns
  np.testing.assert_array_equal(columns[0], observations[:-1])
  np.testing.assert_array_equal(columns[4], observations[1:])
  # The limit of seven steps is no end.
  np.testing.assert_array_equal(columns[3], np.ones(7))
  assert minari_files.read_action_repeat(f'minari:{tmp_path}') == 1


def _refusal(folder, spec=None):
  with pytest.raises((ValueError, OSError)) as error:
    minari_files.load(f'minari:{folder}', spec or _spec(), seed=0)
  assert str(folder) in str(error.value)
  return str(error.value)


def test_other_environments_are_refused(folder):
  wide = specs.BoundedArray((2,), np.float32, -3.0, 3.0, 'action')
  assert "environment's go from [-3.0, -3.0]" in _refusal(
    folder, _spec(actions=wide)
  )
  three = specs.BoundedArray((3,), np.float32, -1.0, 1.0, 'action')
  assert 'the action should be float32 [3, 3]' in _refusal(
    folder, _spec(actions=three)
  )
  names = {'b': _OBSERVATIONS['b'], 'c': _OBSERVATIONS['a']}
  assert "keys ['b', 'c'], but has ['a', 'b']" in _refusal(folder, _spec(names))
  vector = specs.Array((4,), np.float32, 'observation')
  assert 'should be float32 [3, 4]' in _refusal(folder, _spec(vector))


def test_a_missing_or_torn_data_set_is_refused(folder, tmp_path):
  missing = tmp_path / 'nowhere'
  assert 'minari download' in _refusal(missing)
  other = tmp_path / 'data.npz'
  np.savez(other, x=1)
  assert 'is a file' in _refusal(other)
  episodes = folder / 'data' / 'main_data.hdf5'
  whole = episodes.read_bytes()
  for torn in (whole[: len(whole) // 2], b'x' * 3000):
    episodes.write_bytes(torn)
    assert 'cannot be read as a Minari data set' in _refusal(folder)
  episodes.unlink()
  assert 'No data found' in _refusal(folder)
  metadata = folder / 'data' / 'metadata.json'
  metadata.write_text(metadata.read_text()[:50])
  assert 'JSONDecodeError' in _refusal(folder)


def test_what_a_stranger_names_is_not_run(folder, tmp_path):
  metadata = folder / 'data' / 'metadata.json'
  values = json.loads(metadata.read_text())
  del values['action_space']
  trace = tmp_path / 'trace'
  values['env_spec'] = json.dumps(
    {
      'id': 'Evil-v0',
      'entry_point': 'pathlib:Path.mkdir',
      'kwargs': {'self': str(trace)},
    }
  )
  metadata.write_text(json.dumps(values))
  assert 'does not say its action_space' in _refusal(folder)
  assert not trace.exists()


def test_an_empty_data_set_is_refused(tmp_path):
  recorder = minari_files.Recorder(tmp_path / 'empty', _spec())
  recorder.save(1)
  assert 'has no transitions' in _refusal(tmp_path / 'empty')


def _write(tmp_path, change):
  recorder = minari_files.Recorder(tmp_path / 'odd', _spec())
  _act(recorder)
  change(recorder._episodes[1])
  recorder.save(1)
  return _refusal(tmp_path / 'odd')


def test_actions_out_of_bounds_are_refused(tmp_path):
  def change(episode):
    episode.actions[0] = np.float32([2.5, 0])

  assert 'out of its bounds by 0.5' in _write(tmp_path, change)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
  def change(episode):
    episode.rewards[0] = np.float32(np.nan)

  assert 'in episode 1, the reward is not finite' in _write(tmp_path, change)


def test_rounding_is_no_reason(tmp_path):
  recorder = minari_files.Recorder(tmp_path / 'odd', _spec())
  _act(recorder)
  recorder._episodes[1].actions[0] = np.float32([2.000001, 0])
  recorder.save(1)
  replay = minari_files.load(f'minari:{tmp_path / "odd"}', _spec(), seed=0)
  assert replay.state().columns[2][3].tolist() == [2.0, 0.0]


def test_what_the_format_has_no_place_for_is_refused(tmp_path, folder):
  with pytest.raises(FileExistsError, match='Give a new folder'):
    minari_files.Recorder(folder, _spec())
  picture = specs.Array((64, 64, 3), np.uint8)
  with pytest.raises(ValueError, match='as a picture, with loss'):
    minari_files.Recorder(tmp_path / 'new', _spec(picture))
  with pytest.raises(ValueError, match="'x/y' has a slash"):
    minari_files.Recorder(tmp_path / 'new', _spec({'x/y': _NUMBER}))
  recorder = minari_files.Recorder(tmp_path / 'new', _spec())
  with pytest.raises(ValueError, match=r'discount 0\.5, for which Minari'):
    _act(recorder, discount=0.5)
  assert not (tmp_path / 'new').exists()


def test_a_missing_extra_is_named(folder, monkeypatch):
  # None in its place makes an import fail, as if nothing were installed.
  monkeypatch.setitem(__import__('sys').modules, 'minari', None)
  with pytest.raises(ValueError, match=r'extra `minari`: pip install'):
    minari_files.load(f'minari:{folder}', _spec(), seed=0)
  with pytest.raises(ValueError, match='needs minari, which is not installed'):
    minari_files.Recorder(folder, _spec())


def test_an_id_is_made_of_the_folder(tmp_path, monkeypatch):
  root = tmp_path / 'root'
  monkeypatch.setenv('MINARI_DATASETS_PATH', str(root))
  for folder, name in (
    (root / 'me' / 'walker-v3', 'me/walker-v3'),
    (tmp_path / 'walker run', 'walker-run-v0'),
  ):
    recorder = minari_files.Recorder(folder, _spec())
    _act(recorder)
    recorder.save(1)
    assert minari.MinariDataset(folder / 'data').id == name
  shutil.rmtree(tmp_path / 'walker run')
