"""Tests of the checkpoints: what is saved comes back, or is refused aloud."""

import contextlib
import errno
import io
import json
import math
import os
import pathlib
import pickle
import tempfile
from typing import Any, NamedTuple
from unittest import mock

import hypothesis
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from quinoa_acme.utils import checkpointing as checkpointing_lib


class _State(NamedTuple):
  params: Any
  opt_state: Any
  key: jax.Array
  steps: int
  note: str
  nothing: None = None


def _params(size: int = 3) -> dict[str, dict[str, jax.Array]]:
  return {
    'linear/~/w': {'w': jnp.arange(2.0 * size).reshape(2, size)},
    'scale': {'s': jnp.float32(0.5), 'half': jnp.ones(2, jnp.bfloat16)},
  }


def _state(steps: int = 7, size: int = 3) -> _State:
  params = _params(size)
  optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
  gradients = jax.tree_util.tree_map(jnp.ones_like, params)
  _, opt_state = optimizer.update(gradients, optimizer.init(params), params)
  return _State(params, opt_state, jax.random.PRNGKey(3), steps, 'a note')


def _assert_same(left: Any, right: Any) -> None:
  """Asserts equal structures, types, dtypes and, to the bit, values."""
  leaves, structure = jax.tree_util.tree_flatten(left)
  others, other_structure = jax.tree_util.tree_flatten(right)
  assert structure == other_structure
  for leaf, other in zip(leaves, others, strict=True):
    if isinstance(leaf, jax.Array):
      assert isinstance(other, jax.Array)
    else:
      assert type(leaf) is type(other)
    if isinstance(leaf, (bool, int, float, str)):
      assert leaf == other or (leaf != leaf and other != other)
    else:
      assert leaf.dtype == other.dtype
      assert leaf.shape == other.shape
      assert np.asarray(leaf).tobytes() == np.asarray(other).tobytes()


def _save_foreign(path: pathlib.Path, **entries: Any) -> None:
  with path.open('wb') as file:
    np.savez(file, **entries)


def _unusable(directory: pathlib.Path, like: Any) -> str:
  """Returns the message with which a directory's only file is refused."""
  with pytest.raises(checkpointing_lib.CheckpointError) as error:
    checkpointing_lib.restore_latest(directory, like)
  assert 'None of the checkpoints can be used' in str(error.value)
  return str(error.value)


def test_a_training_state_comes_back(tmp_path):
  state = _state()
  path = checkpointing_lib.save(tmp_path / 'new', 12, state)
  assert path == tmp_path / 'new' / 'checkpoint-000000000012.npz'
  # Another state of the same shape gives the structure, not the values.
  like = jax.tree_util.tree_map(
    lambda x: jnp.zeros_like(x) if isinstance(x, jax.Array) else type(x)(),
    state,
  )
  restored = checkpointing_lib.restore_latest(tmp_path / 'new', like)
  assert restored is not None
  assert restored[0] == 12
  _assert_same(restored[1], state)


def test_abstract_shapes_are_enough_to_restore(tmp_path):
  checkpointing_lib.save(tmp_path, 1, _params())
  like = jax.eval_shape(_params)
  restored = checkpointing_lib.restore_latest(tmp_path, like)
  assert restored is not None
  _assert_same(restored[1], _params())


_ARRAYS = np_st.arrays(
  dtype=st.one_of(
    np_st.integer_dtypes(),
    np_st.unsigned_integer_dtypes(),
    np_st.floating_dtypes(),
    np_st.boolean_dtypes(),
    np_st.complex_number_dtypes(),
  ),
  shape=np_st.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
_LEAVES = st.one_of(
  _ARRAYS,
  st.integers(),
  st.floats(),
  st.booleans(),
  st.text(),
  st.none(),
  st.builds(np.float32, st.floats(width=32)),
  st.builds(lambda x: jnp.asarray(x, jnp.bfloat16), st.floats(width=16)),
)
_TREES = st.recursive(
  _LEAVES,
  lambda trees: st.one_of(
    st.lists(trees, max_size=3),
    st.lists(trees, max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=5), trees, max_size=3),
  ),
  max_leaves=6,
)


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(_TREES)
def test_any_tree_comes_back(tree):
  with tempfile.TemporaryDirectory() as directory:
    checkpointing_lib.save(directory, 0, tree)
    restored = checkpointing_lib.restore_latest(directory, tree)
  assert restored is not None
  _assert_same(restored[1], tree)


# The types and not their names: TensorFlow 2.8, once imported, gives the name
# bfloat16 to a type of its own.
@pytest.mark.parametrize(
  'dtype',
  [jnp.bfloat16, jnp.float8_e5m2, jnp.float8_e4m3fn, jnp.int4],
)
def test_dtypes_that_numpy_has_not_come_back(tmp_path, dtype):
  state = [jnp.arange(-3, 3).astype(dtype), jnp.ones((), dtype)]
  checkpointing_lib.save(tmp_path, 0, state)
  restored = checkpointing_lib.restore_latest(tmp_path, state)
  assert restored is not None
  _assert_same(restored[1], state)


@pytest.mark.parametrize(
  ('leaf', 'found'),
  [
    (object(), 'builtins.object'),
    (np.array([None]), 'dtype object'),
    (np.array(['text']), 'dtype <U4'),
    (b'bytes', 'builtins.bytes'),
    (jax.random.key(0), 'typed random key'),
    (np.zeros(2, jax.dtypes.float0), 'float0'),
  ],
)
def test_other_leaves_are_refused_by_name(tmp_path, leaf, found):
  with pytest.raises(TypeError, match=found) as error:
    checkpointing_lib.save(tmp_path, 0, {'good': 1, 'bad': [leaf]})
  assert "['bad'][0]" in str(error.value)
  assert [*tmp_path.iterdir()] == []


def test_the_file_says_what_it_holds(tmp_path):
  path = checkpointing_lib.save(tmp_path, 5, {'w': np.zeros((2, 3)), 'n': 4})
  with np.load(path, allow_pickle=False) as archive:
    assert set(archive.files) == {'metadata', "['w']"}
    metadata = json.loads(archive['metadata'].tobytes())
  assert metadata['format_version'] == 1
  assert metadata['step'] == 5
  assert metadata['project_version']
  assert metadata['leaves'] == [
    {'path': "['n']", 'type': 'int', 'value': 4},
    {'path': "['w']", 'dtype': 'float64', 'shape': [2, 3]},
  ]
  assert len(metadata['sha256']) == 64


def test_the_last_ones_are_kept(tmp_path):
  for step in (1, 5, 3, 10**12, 7):
    checkpointing_lib.save(tmp_path, step, step, keep=2)
  # 7 came last: the later 10**12 is of another branch, 5 the one before.
  steps = sorted(int(p.stem.split('-')[1]) for p in tmp_path.iterdir())
  assert steps == [5, 7, 10**12]
  assert checkpointing_lib.latest_step(tmp_path) == 10**12
  assert checkpointing_lib.restore_latest(tmp_path, 0) == (10**12, 10**12)


def test_one_step_saved_twice_is_replaced(tmp_path):
  checkpointing_lib.save(tmp_path, 1, 1.0, keep=1)
  checkpointing_lib.save(tmp_path, 1, 2.0, keep=1)
  assert checkpointing_lib.restore_latest(tmp_path, 0.0) == (1, 2.0)


@pytest.mark.parametrize(
  ('step', 'keep', 'match'), [(-1, 1, 'step .*got -1'), (0, 0, 'keep.*got 0')]
)
def test_senseless_numbers_are_refused(tmp_path, step, keep, match):
  with pytest.raises(ValueError, match=match):
    checkpointing_lib.save(tmp_path, step, 1, keep=keep)


def test_no_directory_and_no_file_is_no_checkpoint(tmp_path):
  (tmp_path / 'checkpoint-1.npz').write_text('a name that is not ours')
  (tmp_path / 'checkpoint-000000000001.npz.tmp').write_text('a torn write')
  for directory in (tmp_path, tmp_path / 'missing'):
    assert checkpointing_lib.latest_step(directory) is None
    assert checkpointing_lib.restore_latest(directory, 0) is None


def test_a_crash_while_writing_leaves_the_one_before(tmp_path):
  checkpointing_lib.save(tmp_path, 1, 1.0)
  with (
    mock.patch.object(os, 'replace', side_effect=KeyboardInterrupt),
    pytest.raises(KeyboardInterrupt),
  ):
    checkpointing_lib.save(tmp_path, 2, 2.0, keep=1)
  assert checkpointing_lib.restore_latest(tmp_path, 0.0) == (1, 1.0)
  # The next one that succeeds clears away what was left.
  path = checkpointing_lib.save(tmp_path, 3, 3.0, keep=1)
  assert [*tmp_path.iterdir()] == [path]


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(st.data())
def test_a_damaged_file_is_never_taken_for_another_state(data):
  state = {'w': np.arange(8.0), 'n': 3, 'h': jnp.ones(3, jnp.bfloat16)}
  with tempfile.TemporaryDirectory() as directory:
    path = checkpointing_lib.save(directory, 1, state)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
      content[place] ^= data.draw(st.integers(1, 255))
    else:
      del content[place:]
    path.write_bytes(content)
    # Some bytes of a zip, such as its dates, do not matter. All others do.
    with contextlib.suppress(checkpointing_lib.CheckpointError):
      restored = checkpointing_lib.restore_latest(directory, state)
      assert restored is not None
      _assert_same(restored[1], state)


def test_the_one_before_a_torn_file_is_used_with_a_warning(tmp_path, caplog):
  checkpointing_lib.save(tmp_path, 1, _state(1))
  path = checkpointing_lib.save(tmp_path, 2, _state(2))
  path.write_bytes(path.read_bytes()[:-100])
  with mock.patch('absl.logging.warning') as warning:
    restored = checkpointing_lib.restore_latest(tmp_path, _state())
  assert restored is not None
  assert restored[0] == 1
  _assert_same(restored[1], _state(1))
  ((message, *arguments), _) = warning.call_args
  assert str(path) in message % tuple(arguments)
  assert 'torn' in message % tuple(arguments)


def test_an_altered_value_is_found_by_the_digest(tmp_path):
  path = checkpointing_lib.save(tmp_path, 1, {'w': np.zeros(3)})
  with np.load(path) as archive:
    entries = dict(archive)
  entries["['w']"] = np.ones(3)
  _save_foreign(path, **entries)
  assert 'digest' in _unusable(tmp_path, {'w': np.zeros(3)})


def test_a_renamed_file_is_not_taken_for_another_step(tmp_path):
  path = checkpointing_lib.save(tmp_path, 1, 0)
  path.rename(tmp_path / 'checkpoint-000000000009.npz')
  assert 'holds step 1, but its name says 9' in _unusable(tmp_path, 0)


def test_another_format_version_is_said(tmp_path):
  with mock.patch.object(checkpointing_lib, '_FORMAT_VERSION', 2):
    checkpointing_lib.save(tmp_path, 1, 0)
  assert 'version 2, but this program reads version 1' in _unusable(tmp_path, 0)


@pytest.mark.parametrize(
  'content', [b'', b'not a zip', pickle.dumps([1]), b'PK\x03\x04']
)
def test_a_foreign_file_is_named(tmp_path, content):
  path = tmp_path / 'checkpoint-000000000001.npz'
  path.write_bytes(content)
  assert str(path) in _unusable(tmp_path, 0)


def test_foreign_arrays_are_named(tmp_path):
  path = tmp_path / 'checkpoint-000000000001.npz'
  _save_foreign(path, w=np.zeros(3))
  assert 'not one of our checkpoints' in _unusable(tmp_path, 0)
  buffer = io.BytesIO()
  np.save(buffer, np.zeros(3))
  path.write_bytes(buffer.getvalue())
  assert 'an array, not an archive' in _unusable(tmp_path, 0)


class _Malicious:
  """Touches a file when it is unpickled."""

  def __init__(self, path: pathlib.Path):
    self._path = path

  def __reduce__(self):
    return (pathlib.Path.touch, (self._path,))


def test_nothing_in_a_file_is_run(tmp_path):
  touched = tmp_path / 'touched'
  path = checkpointing_lib.save(tmp_path, 1, {'w': np.zeros(1)})
  with np.load(path) as archive:
    metadata = archive['metadata']
  evil = np.array([_Malicious(touched)])
  pickle.loads(pickle.dumps(evil))
  assert touched.exists(), 'The object is harmless; the test shows nothing.'
  touched.unlink()
  for entries in ({'metadata': metadata, "['w']": evil}, {'metadata': evil}):
    _save_foreign(path, **entries)
    assert 'allow_pickle' in _unusable(tmp_path, {'w': np.zeros(1)})
    assert not touched.exists()


@pytest.mark.parametrize(
  ('like', 'expected'),
  [
    ({'w': np.zeros((2, 4))}, ['float64[2, 4]', 'float64[2, 3]']),
    ({'w': np.zeros((2, 3), 'f4')}, ['float32[2, 3]', 'float64[2, 3]']),
    ({'w': 1.0}, ['a Python float', 'float64[2, 3]']),
    ({'v': np.zeros(())}, ['float64[]', 'nothing']),
    ({}, ['nothing', 'float64[2, 3]']),
  ],
)
def test_another_state_is_an_error_at_once(tmp_path, like, expected):
  # The one before would fit, and must not be taken.
  checkpointing_lib.save(tmp_path, 1, like)
  path = checkpointing_lib.save(tmp_path, 2, {'w': np.zeros((2, 3))})
  with pytest.raises(checkpointing_lib.CheckpointError) as error:
    checkpointing_lib.restore_latest(tmp_path, like)
  message = str(error.value)
  assert str(path) in message
  wanted, found = expected
  assert f'expected {wanted}, found {found}' in message


def test_of_many_differences_the_first_are_named(tmp_path):
  checkpointing_lib.save(tmp_path, 1, [0] * 9)
  with pytest.raises(checkpointing_lib.CheckpointError) as error:
    checkpointing_lib.restore_latest(tmp_path, [0.0] * 9)
  lines = str(error.value).splitlines()
  assert lines[1] == '  [0]: expected a Python float, found a Python int'
  assert lines[-1] == '  and 4 more'
  assert len(lines) == 7


@pytest.mark.parametrize('length', [0, 5])
def test_an_array_of_any_length_comes_back(tmp_path, length):
  state = {'rows': np.ones((length, 3), np.float32), 'n': length}
  checkpointing_lib.save(tmp_path, 1, state)
  rows = checkpointing_lib.Rows((3,), np.dtype(np.float32))
  restored = checkpointing_lib.restore_latest(tmp_path, {'rows': rows, 'n': 0})
  assert restored is not None
  _assert_same(restored[1], state)
  other = checkpointing_lib.Rows((4,), np.dtype(np.float32))
  with pytest.raises(checkpointing_lib.CheckpointError, match=r"\['any', 4\]"):
    checkpointing_lib.restore_latest(tmp_path, {'rows': other, 'n': 0})
  with pytest.raises(TypeError, match='for `like`, not for a state'):
    checkpointing_lib.save(tmp_path, 2, {'rows': rows})


def test_a_part_of_a_checkpoint_is_restored(tmp_path):
  checkpointing_lib.save(tmp_path, 1, {'a': [np.ones(2), 3], 'b': 'text'})
  checkpoint = checkpointing_lib.read_latest(tmp_path)
  assert checkpoint is not None
  assert checkpoint.step == 1
  assert checkpoint.values == {"['a'][1]": 3, "['b']": 'text'}
  part = checkpoint.restore({'a': [np.zeros(2), 0]}, partial=True)
  _assert_same(part, {'a': [np.ones(2), 3]})
  for like, partial in (({'b': ''}, False), ({'b': '', 'c': 0}, True)):
    with pytest.raises(checkpointing_lib.CheckpointError, match='nothing'):
      checkpoint.restore(like, partial=partial)


def test_what_could_not_be_written_leaves_no_room_taken(tmp_path):
  checkpointing_lib.save(tmp_path, 1, [1])
  with (
    mock.patch(
      'os.fsync', side_effect=OSError(errno.ENOSPC, 'No space left on device')
    ),
    pytest.raises(OSError, match='No space left'),
  ):
    checkpointing_lib.save(tmp_path, 2, [2])
  assert checkpointing_lib.restore_latest(tmp_path, [0]) == (1, [1])
  assert len(list(tmp_path.iterdir())) == 1


@jax.tree_util.register_pytree_with_keys_class
class _Ambiguous:
  """A node that gives both of its children one key."""

  def tree_flatten_with_keys(self):
    key = jax.tree_util.GetAttrKey('same')
    return ((key, 1), (key, 2)), None

  @classmethod
  def tree_unflatten(cls, _, children):
    raise NotImplementedError(children)


def test_two_leaves_of_one_path_are_refused(tmp_path):
  with pytest.raises(ValueError, match=r'the path \.same'):
    checkpointing_lib.save(tmp_path, 0, _Ambiguous())


def test_not_a_number_comes_back(tmp_path):
  checkpointing_lib.save(tmp_path, 0, [math.nan, math.inf, 2**70, True])
  restored = checkpointing_lib.restore_latest(tmp_path, [0.0, 0.0, 0, False])
  assert restored is not None
  _assert_same(restored[1], [math.nan, math.inf, 2**70, True])
