"""Data sets in Minari's format, which the field shares and other tools read.

A data set is a folder with `data/metadata.json` and the episodes in
`data/main_data.hdf5`: of an episode of T steps, T + 1 observations, and T
actions, rewards, terminations and truncations. A termination has discount 0; a
truncation, as by a time limit, has discount 1, so learning bootstraps beyond
it. The extra `minari` installs what reads and writes it.

Younis et al., 2024, Minari, https://minari.farama.org.
"""

from collections.abc import Iterator, Mapping, Sequence
import os
import pathlib
import re
import shutil
import types
from typing import Any, NamedTuple

import dm_env
from dm_env import specs
import numpy as np
import tree

from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import transitions as transitions_lib
from quinoa_acme.utils import common_types
from quinoa_acme.utils import core
from quinoa_acme.utils import nests

_PREFIX = 'minari:'
_METADATA = 'metadata.json'
# How far an action may lie beyond its bounds, as a share of the box's width:
# what rounding to float32 may do.
_ROUNDING = 1e-5


class _Episode(NamedTuple):
  """An episode of T steps, as lists of their parts; T + 1 observations."""

  observations: list[Any]
  actions: list[Any]
  rewards: list[Any]
  discounts: list[Any]


def is_name(data: str) -> bool:
  """Whether a text names a data set of this format: `minari:<id or folder>`."""
  return data.startswith(_PREFIX)


def find(data: str) -> pathlib.Path:
  """Finds a data set.

  Args:
    data: `minari:` with the data set's folder, or its id, which is looked for
      where Minari keeps its own: `MINARI_DATASETS_PATH`, by default
      `~/.minari/datasets`. Nothing is downloaded.

  Returns:
    The folder of its files.

  Raises:
    FileNotFoundError: if it is in neither.
    ValueError: if it is a file.
  """
  name = data.removeprefix(_PREFIX)
  path = pathlib.Path(name).expanduser()
  if path.is_file():
    raise ValueError(
      f'{data} is a file, but a Minari data set is a folder with '
      f'data/{_METADATA}. Without {_PREFIX}, an .npz file is read.'
    )
  places = (path, _root() / name)
  for place in places if name else ():
    for folder in (place / 'data', place):
      if (folder / _METADATA).is_file():
        return folder
  raise FileNotFoundError(
    f'{data}: there is no data/{_METADATA} in {places[0]} or {places[1]}. Give '
    f'the folder of a data set, or fetch it: minari download {name}.'
  )


def read_action_repeat(data: str) -> int:
  """The action repeat of a data set; 1 if it does not say.

  Args:
    data: the data set, as for `find`.

  Returns:
    The frames of the environment in a step.

  Raises:
    FileNotFoundError: if there is no such data set.
    ValueError: if it cannot be read, or needs the extra `minari`.
  """
  _import_minari()
  found = _read_metadata(data).get('action_repeat', 1)
  if not isinstance(found, int):
    raise ValueError(f'{data} has action_repeat={found!r}, which is no number.')
  return found


def load(
  data: str, spec: common_types.EnvironmentSpec, seed: int
) -> replay_lib.TransitionReplay:
  """Loads a data set into a replay of its size.

  Dictionaries of observations are matched by key. If the environment observes
  one vector, their parts are joined in the order of their keys.

  Args:
    data: the data set, as for `find`.
    spec: the specs of the environment that it is from.
    seed: for sampling.

  Returns:
    The replay, its transitions in the data set's order.

  Raises:
    FileNotFoundError: if there is no such data set.
    ValueError: if it cannot be read, has no transitions, does not match the
      specs, or needs the extra `minari`.
  """
  nest = nests.Nest(transitions_lib.make_spec(spec))
  parts: list[list[np.ndarray]] = []
  for number, episode in enumerate(_read_episodes(data, spec)):
    try:
      leaves = nest.flatten(
        _to_transitions(episode, spec), (len(episode.rewards),)
      )
      for leaf, array in zip(nest.leaves, leaves, strict=True):
        leaf.check_finite(array)
    except ValueError as error:
      raise ValueError(
        f'{data} does not match the environment: in episode {number}, {error}.'
      ) from error
    parts.append(leaves)
  columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
  if not columns or not len(columns[0]):
    raise ValueError(f'{data} has no transitions: there is nothing to learn.')
  replay = replay_lib.TransitionReplay(spec, len(columns[0]), seed)
  replay.set_state(
    replay.state()._replace(columns=columns, num_inserted=len(columns[0])), data
  )
  return replay


class Recorder(core.Adder):
  """Collects an actor's episodes, and writes them as a data set."""

  def __init__(
    self, folder: str | os.PathLike[str], spec: common_types.EnvironmentSpec
  ):
    """Makes the recorder of a data set.

    Args:
      folder: the data set's, a new one.
      spec: the environment's specs.

    Raises:
      FileExistsError: if there is something already.
      ValueError: if the format has no place for the environment's values, or
        the extra `minari` is missing.
    """
    _import_minari()
    # Minari writes nothing to a relative path.
    self._folder = pathlib.Path(folder).expanduser().absolute()
    if self._folder.exists():
      raise FileExistsError(
        f'{self._folder} exists already. Give a new folder, as --output does.'
      )
    self._observation_space = _to_space(spec.observations, 'observation')
    self._action_space = _to_space(spec.actions, 'action')
    self._episodes: list[_Episode] = []
    self.num_inserted = 0

  def reset(self) -> None:
    """Forgets the episode in progress."""

  def add_first(self, timestep: dm_env.TimeStep) -> None:
    """Starts an episode."""
    self._episodes.append(
      _Episode([nests.own(timestep.observation)], [], [], [])
    )

  def add(
    self, action: np.ndarray, next_timestep: dm_env.TimeStep, extras: Any = ()
  ) -> None:
    """Adds a step.

    Raises:
      ValueError: if its discount is that of neither an end nor another step.
    """
    del extras  # No agent's policy returns any.
    discount = float(next_timestep.discount)
    if discount != 1 and not (discount == 0 and next_timestep.last()):
      raise ValueError(
        f'A step has discount {discount:g}, for which Minari has no place: 0 '
        "at an episode's end, 1 elsewhere. Record it as npz."
      )
    episode = self._episodes[-1]
    episode.observations.append(nests.own(next_timestep.observation))
    episode.actions.append(nests.own(action))
    episode.rewards.append(next_timestep.reward)
    episode.discounts.append(discount)
    self.num_inserted += 1

  def save(self, action_repeat: int, **about: str) -> None:
    """Writes the data set, which is there when it is whole.

    Args:
      action_repeat: of the environment; `read_action_repeat` gives it.
      **about: what else the data set says about itself, e.g. `description`.

    Raises:
      OSError: if it cannot be written.
    """
    minari = _import_minari()
    from minari.data_collector import episode_buffer
    from minari.dataset import minari_storage

    aside = self._folder.with_name(f'{self._folder.name}.tmp')
    shutil.rmtree(aside, ignore_errors=True)
    (aside / 'data').mkdir(parents=True)
    storage = minari_storage.MinariStorage.new(
      aside / 'data', self._observation_space, self._action_space
    )
    storage.update_episodes(
      episode_buffer.EpisodeBuffer(**_to_arrays(episode))
      for episode in self._episodes
    )
    storage.update_metadata(
      {
        'dataset_id': _make_id(self._folder),
        'minari_version': minari.__version__,
        'action_repeat': action_repeat,
        **about,
      }
    )
    os.replace(aside, self._folder)


def _import_minari() -> types.ModuleType:
  """Imports Minari.

  Raises:
    ValueError: if it is not installed.
  """
  try:
    import h5py  # noqa: F401  What Minari reads the files with.
    import minari
  except ModuleNotFoundError as error:
    raise ValueError(
      f'A Minari data set needs {error.name}, which is not installed. Install '
      "the extra `minari`: pip install 'quinoa-acme[minari]'."
    ) from None
  return minari


def _root() -> pathlib.Path:
  """Where Minari keeps the data sets that it downloads."""
  root = os.environ.get('MINARI_DATASETS_PATH') or '~/.minari/datasets'
  return pathlib.Path(root).expanduser()


def _make_id(folder: pathlib.Path) -> str:
  """The id of a data set by its folder: `name-v<version>`."""
  root = _root().absolute()
  is_kept = folder.is_relative_to(root)
  name = folder.relative_to(root).as_posix() if is_kept else folder.name
  name = re.sub(r'[^-\w/]', '-', name)
  return name if re.search(r'-v\d+$', name) else f'{name}-v0'


def _read_metadata(data: str) -> Mapping[str, Any]:
  """What a data set says about itself."""
  from minari.dataset import minari_storage

  folder = find(data)
  try:
    metadata = minari_storage.MinariStorage.read_raw_metadata(folder)
    if not isinstance(metadata, dict):
      raise ValueError(f'{_METADATA} is no dictionary')
  except ValueError as error:
    raise _unreadable(data, error) from error
  for part in ('observation_space', 'action_space'):
    # The environment that it names may be any function.
    if part not in metadata:
      raise ValueError(
        f'{data} does not say its {part}. Minari would make the environment '
        'to find out; this does not.'
      )
  return metadata


def _unreadable(data: str, error: Exception) -> ValueError:
  return ValueError(
    f'{data} cannot be read as a Minari data set: '
    f'{type(error).__name__}: {error}'
  )


def _read_episodes(
  data: str, spec: common_types.EnvironmentSpec
) -> Iterator[Any]:
  """Yields episodes, each a `minari.EpisodeData`."""
  minari = _import_minari()
  _read_metadata(data)
  try:
    dataset = minari.MinariDataset(find(data))
  # Whatever is raised, by Minari and what it reads with, is about the file.
  except Exception as error:
    raise _unreadable(data, error) from error
  _check_bounds(data, dataset.action_space, spec.actions)
  try:
    yield from dataset.iterate_episodes()
  except Exception as error:
    raise _unreadable(data, error) from error


def _check_bounds(data: str, space: Any, spec: specs.Array) -> None:
  """Raises a ValueError if actions had other bounds."""
  from gymnasium import spaces

  if not isinstance(spec, specs.BoundedArray):
    return
  # Another shape is refused with the first episode.
  if isinstance(space, spaces.Box) and space.shape == spec.shape:
    low, high = (
      np.broadcast_to(x, spec.shape) for x in (spec.minimum, spec.maximum)
    )
    if not (np.allclose(space.low, low) and np.allclose(space.high, high)):
      raise ValueError(
        f'{data} has actions from {space.low.tolist()} to '
        f"{space.high.tolist()}, but the environment's go from {low.tolist()} "
        f'to {high.tolist()}: it is from another environment.'
      )


def _to_transitions(
  episode: Any, spec: common_types.EnvironmentSpec
) -> common_types.Transition:
  """The transitions of an episode of T steps, leaves [T, ...]."""
  observations = nests.canonical(episode.observations)
  if isinstance(spec.observations, specs.Array):
    observations = _join(observations, len(spec.observations.shape))
  return common_types.Transition(
    observation=tree.map_structure(lambda x: x[:-1], observations),
    action=_bound(np.asarray(episode.actions), spec.actions),
    reward=episode.rewards,
    discount=np.where(episode.terminations, 0, 1).astype(spec.discounts.dtype),
    next_observation=tree.map_structure(lambda x: x[1:], observations),
  )


def _join(observations: Any, rank: int) -> Any:
  """Joins the parts of observations, leaves [T + 1, ...], to vectors."""
  parts: Sequence[np.ndarray] = tree.flatten(observations)
  if rank != 1:
    return observations
  return np.concatenate([x.reshape(len(x), -1) for x in parts], axis=1)


def _bound(actions: np.ndarray, spec: specs.Array) -> np.ndarray:
  """The actions, rounded into their bounds.

  Raises:
    ValueError: if one is out of them by more than rounding.
  """
  if not isinstance(spec, specs.BoundedArray):
    return actions
  if actions.shape[1:] != spec.shape:
    return actions  # The specs refuse it.
  bounded = np.clip(actions, spec.minimum, spec.maximum)
  excess = np.abs(actions - bounded)
  if np.any(excess > _ROUNDING * (spec.maximum - spec.minimum)):
    raise ValueError(
      f'an action is out of its bounds by {excess.max():g}: clip them in the '
      'data set, or learn in an environment with wider ones'
    )
  return bounded


def _to_space(spec: Any, name: str) -> Any:
  """The Gymnasium space of a nest of array specs."""
  from gymnasium import spaces

  if isinstance(spec, Mapping):
    for key in spec:
      if '/' in key:
        raise ValueError(
          f'The {name} {key!r} has a slash in its name, which HDF5 takes for a '
          'folder. Rename it, or record as npz.'
        )
    return spaces.Dict(
      {key: _to_space(part, f'{name}[{key!r}]') for key, part in spec.items()}
    )
  if isinstance(spec, Sequence):
    return spaces.Tuple(_to_space(part, name) for part in spec)
  if spec.dtype.kind not in 'fi':
    raise ValueError(
      f'The {name} is of {spec.dtype}, which Minari stores as a picture, with '
      'loss, or not at all. Record it as npz.'
    )
  low, high = -np.inf, np.inf
  if isinstance(spec, specs.BoundedArray):
    low, high = spec.minimum, spec.maximum
  elif spec.dtype.kind == 'i':
    low, high = np.iinfo(spec.dtype).min, np.iinfo(spec.dtype).max
  low, high = (np.full(spec.shape, x, spec.dtype) for x in (low, high))
  return spaces.Box(low, high, spec.shape, spec.dtype.type)


def _to_arrays(episode: _Episode) -> dict[str, Any]:
  """The fields of an episode in Minari, as arrays."""
  is_last = np.arange(len(episode.rewards)) == len(episode.rewards) - 1
  is_zero = np.array(episode.discounts) == 0
  return {
    'observations': tree.map_structure(
      lambda *x: np.stack(x), *episode.observations
    ),
    'actions': np.stack(episode.actions),
    'rewards': np.stack(episode.rewards),
    'terminations': is_last & is_zero,
    'truncations': is_last & ~is_zero,
  }
