"""Checkpoints as plain arrays: no pickle, no code, no import paths.

A checkpoint is one NumPy archive, `checkpoint-<step>.npz`. Each array of the
state is an entry named by its path in the tree. The entry `metadata` is a JSON
text with the versions of the format and of the project, the step, the dtype and
shape of every path, the values that are not arrays, and a SHA-256 digest of all
of it. Anyone can read it with `numpy.load`, and reading it runs no code from
the file.

Files are written under another name and renamed, so a file with its final name
is complete, if the file system keeps its promises; the digest tells if it did
not. A directory may have only one writer.
"""

from collections.abc import Mapping, Sequence
import contextlib
import dataclasses
import hashlib
from importlib import metadata as metadata_lib
import json
import operator
import os
import pathlib
import re
from typing import Any

from absl import logging
import jax
from jax import tree_util
import jax.numpy as jnp
import numpy as np
from numpy.lib import npyio

from quinoa_acme.utils import files

PathLike = str | os.PathLike[str]

_FORMAT = 'quinoa_acme.checkpoint'
_FORMAT_VERSION = 1
_METADATA = 'metadata'
_FILE_NAME = re.compile(r'checkpoint-(\d{12,})\.npz')
_PYTHON_TYPES = (bool, int, float, str)
_MAX_DIFFERENCES = 5
# Stands for a length that is not fixed.
_ANY = 'any'


class CheckpointError(RuntimeError):
  """A checkpoint exists but cannot be used."""


@dataclasses.dataclass(frozen=True)
class Rows:
  """A leaf of `like` for arrays of any length.

  Attributes:
    shape: The shape of one row.
    dtype: A dtype of NumPy's own.
  """

  shape: tuple[int, ...]
  dtype: np.dtype


class _UnusableError(Exception):
  """A file is torn, altered, or not one of our checkpoints; says which."""


def save(
  directory: PathLike, step: int, state: Any, *, keep: int = 3
) -> pathlib.Path:
  """Writes a checkpoint and removes the oldest ones.

  Args:
    directory: The directory of this run's checkpoints; made if missing.
    step: The step of the state, 0 or more. A checkpoint of the same step is
      replaced.
    state: A pytree whose leaves are NumPy or JAX arrays of numbers or booleans
      (including bfloat16 and similar types), or Python's bool, int, float and
      str. Random keys are raw uint32 ones.
    keep: How many checkpoints to keep, 1 or more: this one and the newest of
      those with smaller steps. Those of later steps, which exist if a run was
      restored from an earlier one, stay until the run overwrites them.

  Returns:
    The path of the new checkpoint.

  Raises:
    TypeError: A leaf is of another kind, or `step` is not an integer.
    ValueError: `step` or `keep` is out of range, or two leaves have one path.
  """
  step = operator.index(step)
  if step < 0:
    raise ValueError(f'The step of a checkpoint must be 0 or more; got {step}.')
  if keep < 1:
    raise ValueError(
      f'At least the new checkpoint must be kept: keep >= 1; got {keep}.'
    )
  leaves, arrays = _encode(state)
  metadata = {
    'format': _FORMAT,
    'format_version': _FORMAT_VERSION,
    'project_version': _project_version(),
    'step': step,
    'leaves': leaves,
  }
  metadata['sha256'] = _digest(metadata, arrays)
  text = np.frombuffer(json.dumps(metadata).encode(), np.uint8)

  directory = pathlib.Path(directory)
  directory.mkdir(parents=True, exist_ok=True)
  path = directory / f'checkpoint-{step:012d}.npz'
  aside = path.with_name(path.name + '.tmp')
  try:
    with aside.open('wb') as file:
      np.savez(file, **{_METADATA: text}, **arrays)
      file.flush()
      files.sync(file.fileno(), path)
  except BaseException:
    # On a full disk, half a checkpoint would be in the way of the next one.
    aside.unlink(missing_ok=True)
    raise
  os.replace(aside, path)
  _sync_directory(directory)
  _remove_old(directory, step, keep)
  return path


class Checkpoint:
  """A checkpoint that was read and found complete."""

  def __init__(
    self,
    path: pathlib.Path,
    metadata: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
  ):
    """Use `read_latest`.

    Args:
      path: Its file.
      metadata: Its entry `metadata`.
      arrays: Its arrays by path in the tree.
    """
    self._path = path
    self._leaves = metadata['leaves']
    # By path in the tree; dtypes that NumPy lacks are bytes.
    self.arrays: Mapping[str, np.ndarray] = arrays
    self.step: int = metadata['step']

  @property
  def values(self) -> dict[str, Any]:
    """The leaves of Python's own types, by path in the tree."""
    return {x['path']: x['value'] for x in self._leaves if 'value' in x}

  def restore(self, like: Any, *, partial: bool = False) -> Any:
    """Makes the state from the file's contents.

    Args:
      like: A pytree with the structure of the state and, at its leaves, the
        shapes and dtypes: the initial state, or its `jax.eval_shape`, with
        `Rows` for arrays of any length.
      partial: Whether the checkpoint may hold more than `like`.

    Returns:
      The state, in the structure of `like`. Its leaves are NumPy arrays or
      Python's own types if those of `like` are, NumPy arrays for `Rows`, and
      otherwise JAX arrays.

    Raises:
      CheckpointError: The checkpoint does not match `like`.
      TypeError: `like` has a leaf that no checkpoint can hold.
    """
    _check_matches(self._path, self._leaves, like, partial)
    return _decode(self.values, self.arrays, like)


def read_latest(directory: PathLike) -> Checkpoint | None:
  """Reads the newest complete checkpoint.

  If a file is torn, altered or not a checkpoint, a warning names it, and the
  one before it is tried.

  Args:
    directory: The directory of the run's checkpoints.

  Returns:
    The checkpoint, or None when there is none.

  Raises:
    CheckpointError: There are checkpoints, but none is complete.
  """
  problems = []
  for step, path in reversed(_list(directory)):
    try:
      return Checkpoint(path, *_read(path, step))
    except _UnusableError as error:
      logging.warning('Skipping the checkpoint %s: %s.', path, error)
      problems.append(f'{path}: {error}')
  if problems:
    raise CheckpointError(
      'None of the checkpoints can be used. Remove them to start anew, or put'
      ' a whole one in their place:\n  ' + '\n  '.join(problems)
    )
  return None


def restore_latest(directory: PathLike, like: Any) -> tuple[int, Any] | None:
  """Reads the newest complete checkpoint, and makes its state.

  A complete file with another state than `like`, such as that of another
  configuration, is an error: an earlier file would not help, and would hide the
  mistake.

  Args:
    directory: The directory of the run's checkpoints.
    like: As for `Checkpoint.restore`.

  Returns:
    The step and the state, or None when there is no checkpoint.

  Raises:
    CheckpointError: There are checkpoints but none is complete, or the newest
      complete one does not match `like`.
    TypeError: `like` has a leaf that no checkpoint can hold.
  """
  checkpoint = read_latest(directory)
  return checkpoint and (checkpoint.step, checkpoint.restore(like))


def latest_step(directory: PathLike) -> int | None:
  """Returns the newest step with a file, complete or not, or None."""
  files = _list(directory)
  return files[-1][0] if files else None


def saved_at(directory: PathLike) -> float:
  """When the last file was written, in seconds since the epoch, or 0."""
  times = [0.0]
  for _, path in _list(directory):
    # An old one may be removed at this moment.
    with contextlib.suppress(FileNotFoundError):
      times.append(path.stat().st_mtime)
  return max(times)


def _list(directory: PathLike) -> list[tuple[int, pathlib.Path]]:
  """Lists the steps and paths of the checkpoints, by step."""
  directory = pathlib.Path(directory)
  if not directory.is_dir():
    return []
  matches = [(_FILE_NAME.fullmatch(p.name), p) for p in directory.iterdir()]
  return sorted((int(match[1]), path) for match, path in matches if match)


def _remove_old(directory: pathlib.Path, step: int, keep: int) -> None:
  """Removes all but the `keep` last, and remains of a crash."""
  older = [path for other, path in _list(directory) if other < step]
  for path in older[: max(0, len(older) - (keep - 1))]:
    path.unlink()
  for path in directory.glob('checkpoint-*.npz.tmp'):
    path.unlink()


def _sync_directory(directory: pathlib.Path) -> None:
  """Makes a rename in the directory survive a power cut."""
  try:
    descriptor = os.open(directory, os.O_RDONLY)
  except PermissionError:
    return  # Windows opens no folder.
  try:
    files.sync(descriptor, directory)
  finally:
    os.close(descriptor)


def _project_version() -> str:
  try:
    return metadata_lib.version('quinoa-acme')
  except metadata_lib.PackageNotFoundError:
    return 'unknown'  # Run from the sources, without being installed.


def _encode(
  state: Any,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
  """Splits a state into the description of its leaves and its arrays."""
  leaves, arrays = [], {}
  for path, leaf in _flatten(state):
    if isinstance(leaf, Rows):
      raise TypeError(f'The leaf {_show(path)} is for `like`, not for a state.')
    leaves.append(_describe(path, leaf))
    if type(leaf) in _PYTHON_TYPES:
      leaves[-1]['value'] = leaf
    else:
      array = np.asarray(leaf, order='C')
      # NumPy's format has no bfloat16; the metadata keeps the true dtype.
      if _is_extension(array.dtype):
        array = array.view(f'u{array.dtype.itemsize}')
      arrays[path] = array
  return leaves, arrays


def _decode(
  values: Mapping[str, Any],
  arrays: Mapping[str, np.ndarray],
  like: Any,
) -> Any:
  """Builds a state in the structure of `like`, which must match."""

  def decode(path: str, leaf: Any) -> Any:
    if path in values:
      return values[path]
    array = arrays[path]
    if _is_extension(leaf.dtype):
      array = array.view(leaf.dtype)
    if isinstance(leaf, (np.ndarray, Rows)):
      return array
    if isinstance(leaf, np.generic):
      return array[()]
    return jnp.array(array)

  return tree_util.tree_unflatten(
    tree_util.tree_structure(like),
    [decode(path, leaf) for path, leaf in _flatten(like)],
  )


def _is_extension(dtype: np.dtype) -> bool:
  """Says whether a dtype, such as bfloat16, was added to NumPy's own."""
  return dtype.isbuiltin == 2


def _flatten(state: Any) -> list[tuple[str, Any]]:
  """Returns the leaves of a state with their paths, which are unique."""
  flat = [
    (tree_util.keystr(path), leaf)
    for path, leaf in tree_util.tree_flatten_with_path(state)[0]
  ]
  seen = set()
  for path, _ in flat:
    if path in seen:
      raise ValueError(
        f'Two leaves of the state have the path {_show(path)}; rename one of'
        ' the keys on the way to them.'
      )
    seen.add(path)
  return flat


def _describe(path: str, leaf: Any) -> dict[str, Any]:
  """Describes the kind of one leaf, or refuses it."""
  if type(leaf) in _PYTHON_TYPES:
    return {'path': path, 'type': type(leaf).__name__}
  if isinstance(leaf, Rows):
    dtype = np.dtype(leaf.dtype).name
    return {'path': path, 'dtype': dtype, 'shape': [_ANY, *leaf.shape]}
  if isinstance(
    leaf, (np.ndarray, np.generic, jax.Array, jax.ShapeDtypeStruct)
  ):
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      raise TypeError(
        f'The leaf {_show(path)} is a typed random key. Checkpoints hold raw'
        ' uint32 keys: use jax.random.PRNGKey, or jax.random.key_data.'
      )
    # The number and boolean dtypes of NumPy and, like bfloat16, of JAX.
    if leaf.dtype.kind in 'biufc' or jnp.issubdtype(leaf.dtype, np.number):
      return {
        'path': path,
        'dtype': leaf.dtype.name,
        'shape': list(leaf.shape),
      }
    found = f'an array of dtype {leaf.dtype}'
  else:
    found = f'of type {type(leaf).__module__}.{type(leaf).__qualname__}'
  raise TypeError(
    f'The leaf {_show(path)} is {found}. Checkpoints hold arrays of numbers or'
    " booleans, and Python's bool, int, float and str: convert it, or leave it"
    ' out of the state.'
  )


def _digest(
  metadata: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> str:
  """Hashes the metadata, without the digest, and the arrays by path."""
  rest = {key: value for key, value in metadata.items() if key != 'sha256'}
  digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
  for path in sorted(arrays):
    array = arrays[path]
    digest.update(f'{path!r} {array.dtype.str} {array.shape}'.encode())
    # A view: a replay's arrays may be as large as the memory allows.
    digest.update(array.reshape(-1).view(np.uint8).data)
  return digest.hexdigest()


def _read(
  path: pathlib.Path, step: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
  """Reads the metadata and arrays of a file, or says why it is unusable."""
  try:
    metadata, arrays = _load(path)
    if _digest(metadata, arrays) != metadata['sha256']:
      raise _UnusableError('its contents do not have the digest it gives')
    if metadata['step'] != step:
      raise _UnusableError(
        f'it holds step {metadata["step"]}, but its name says {step}'
      )
  except _UnusableError:
    raise
  # A damaged archive makes zipfile, zlib, NumPy and JSON raise almost anything.
  except Exception as error:
    raise _UnusableError(
      f'it is torn or not a checkpoint ({type(error).__name__}: {error})'
    ) from error
  return metadata, arrays


def _load(
  path: pathlib.Path,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
  """Reads the metadata and arrays of a file without verifying them."""
  # Opened here, because np.load leaves a torn archive open.
  with path.open('rb') as file:
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, npyio.NpzFile):
      raise _UnusableError('it is an array, not an archive of arrays')
    with archive:
      if _METADATA not in archive.files:
        raise _UnusableError('it is not one of our checkpoints')
      metadata = json.loads(archive[_METADATA].tobytes())
      if metadata['format'] != _FORMAT:
        raise _UnusableError('it is not one of our checkpoints')
      if metadata['format_version'] != _FORMAT_VERSION:
        raise _UnusableError(
          f'its format has version {metadata["format_version"]}, but this'
          f' program reads version {_FORMAT_VERSION}'
        )
      arrays = {
        leaf['path']: archive[leaf['path']]
        for leaf in metadata['leaves']
        if 'dtype' in leaf
      }
  return metadata, arrays


def _check_matches(
  path: pathlib.Path,
  leaves: Sequence[Mapping[str, Any]],
  like: Any,
  partial: bool,
) -> None:
  """Raises a `CheckpointError` that names the first differing leaves."""
  expected = {key: _describe(key, leaf) for key, leaf in _flatten(like)}
  found = {
    leaf['path']: _with_any_length(leaf, expected.get(leaf['path'], leaf))
    for leaf in leaves
    if leaf['path'] in expected or not partial
  }
  wanted = {key: _kind(leaf) for key, leaf in expected.items()}
  given = {key: _kind(leaf) for key, leaf in found.items()}
  differences = [
    f'{_show(key)}: expected {wanted.get(key, "nothing")},'
    f' found {given.get(key, "nothing")}'
    for key in [*wanted, *(key for key in given if key not in wanted)]
    if wanted.get(key) != given.get(key)
  ]
  if differences:
    listed = differences[:_MAX_DIFFERENCES]
    if more := len(differences) - len(listed):
      listed.append(f'and {more} more')
    raise CheckpointError(
      f'The checkpoint {path} holds another state than this program has, so it'
      ' was probably written under another configuration. Use that, or another'
      ' directory:\n  ' + '\n  '.join(listed)
    )


def _with_any_length(
  leaf: Mapping[str, Any], expected: Mapping[str, Any]
) -> Mapping[str, Any]:
  """Drops the first dimension of a leaf that may have any length."""
  if leaf.get('shape') and expected.get('shape', ())[:1] == [_ANY]:
    return {**leaf, 'shape': [_ANY, *leaf['shape'][1:]]}
  return leaf


def _kind(description: Mapping[str, Any]) -> str:
  """Returns the kind of a leaf in words, such as `float32[3,4]` or `int`."""
  if 'dtype' not in description:
    return f'a Python {description["type"]}'
  return f'{description["dtype"]}{description["shape"]}'


def _show(path: str) -> str:
  return path or 'at the root'
