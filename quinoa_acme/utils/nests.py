"""Nests of arrays that follow their specs: in one order, with no silent casts.

JAX orders a dictionary's keys as texts, keeps an `OrderedDict` in order of
insertion, and treats any other mapping as a leaf; dm-tree orders all by key. If
a learner and an actor use different ones, features silently change places. Here
every mapping becomes a dictionary with its keys in order, and every sequence a
tuple.

See docs/decisions/0030-the-edge-of-the-environment.md.
"""

from collections.abc import Iterator, Mapping, Sequence
import math
from typing import Any, Protocol

from dm_env import specs
import numpy as np

# Networks compute in float32.
_GREATEST = float(np.finfo(np.float32).max)
# Below this sum of squares, float32 can hold every number. Above it each number
# is checked, which takes several times as long.
_PLAINLY_FINITE = 1e37
# For each kind of the spec's dtype, the kinds that must convert without loss.
_KINDS = {'b': 'b', 'i': 'biu', 'u': 'biu', 'f': 'biuf'}


class MisfitError(ValueError):
  """A value does not match its spec.

  Attributes:
    name: of the part, e.g. `observation['position']`.
    problem: what is wrong, phrased to follow the name.
    value: the value.
  """

  def __init__(self, name: str, problem: str, value: Any):
    """Stores the three; the message is 'the <name> <problem>'."""
    super().__init__(f'the {name} {problem}')
    self.name = name
    self.problem = problem
    self.value = value


class NotFiniteError(MisfitError):
  """A value has a number that is not finite, or not in float32."""


def canonical(nest: Any) -> Any:
  """Turns mappings into dictionaries ordered by key, at every depth.

  Args:
    nest: arrays, array specs, or mappings and sequences of them.

  Returns:
    The nest; its leaves are the same objects.

  Examples:
    >>> import types
    >>> canonical(types.MappingProxyType({'b': [1, 2], 'a': 3}))
    {'a': 3, 'b': (1, 2)}
  """
  # Actors call this at each step, most often with an array.
  if isinstance(nest, np.ndarray):
    return nest
  if isinstance(nest, Mapping):
    return {key: canonical(nest[key]) for key in sorted(nest)}
  if isinstance(nest, tuple | list):
    return tuple(map(canonical, nest))
  return nest


def own(nest: Any) -> Any:
  """A canonical copy of a nest; no one else can change its arrays."""
  if isinstance(nest, np.ndarray):
    return nest.copy()
  # Finding out that a number is no mapping would take most of the time here.
  if isinstance(nest, np.generic | float):
    return nest
  if isinstance(nest, Mapping):
    return {key: own(nest[key]) for key in sorted(nest)}
  if isinstance(nest, tuple | list):
    return tuple(map(own, nest))
  return nest


def canonical_spec(spec: Any, name: str = 'observation') -> Any:
  """The canonical nest of array specs, after checking that it is one.

  Args:
    spec: an array spec, or a mapping or sequence of them.
    name: the name of its values, for the error message.

  Returns:
    The nest, its sequences as tuples.

  Raises:
    ValueError: if a part is not a spec of a numeric array, or a key is not
      text.
  """
  if isinstance(spec, Mapping):
    for key in spec:
      if not isinstance(key, str):
        raise ValueError(
          f'The spec of the {name} has the key {key!r}. Keys must be texts, '
          'because their order is that of the features: rename them.'
        )
    return {
      key: canonical_spec(spec[key], f'{name}[{key!r}]') for key in sorted(spec)
    }
  if isinstance(spec, Sequence) and not isinstance(spec, str):
    return tuple(
      canonical_spec(part, f'{name}[{i}]') for i, part in enumerate(spec)
    )
  if not isinstance(spec, specs.Array) or spec.dtype.kind not in _KINDS:
    raise ValueError(
      f'The spec of the {name} is {spec!r}: expected the spec of an array of '
      'numbers (dm_env.specs.Array), or a dictionary or sequence of them.'
    )
  return spec


def is_finite(array: np.ndarray) -> bool:
  """Whether all of an array's numbers are finite in float32."""
  # NaN is not below anything.
  return array.dtype.kind != 'f' or bool((np.abs(array) <= _GREATEST).all())


class Leaf:
  """One array of a nest.

  Attributes:
    name: its name.
    dtype: the spec's.
    shape: the spec's.
    num_bytes: the size of its numbers.
  """

  def __init__(self, spec: specs.Array, name: str):
    """Reads the spec."""
    self.name = name
    self.dtype = np.dtype(spec.dtype)
    self.shape = tuple(spec.shape)
    self.num_bytes = self.dtype.itemsize * math.prod(self.shape)
    self._is_float = self.dtype.kind == 'f'

  def cast(self, value: Any, leading: tuple[int, ...] = ()) -> np.ndarray:
    """Converts a value to an array of the spec's dtype and shape.

    A number may change kind or size if only digits beyond a float's precision
    are lost.

    Args:
      value: an array, or something that converts to one.
      leading: dimensions that it has before the spec's.

    Returns:
      The array; the value itself if it already matches.

    Raises:
      MisfitError: if it has another shape, is of a kind that does not convert
        to the spec's, or exceeds its dtype's range.
    """
    shape = leading + self.shape if leading else self.shape
    try:
      array = np.asarray(value)
    except ValueError as error:
      raise MisfitError(
        self.name, f'{self._expect(shape)} is no array: {error}', value
      ) from None
    # The common case, in a fraction of a microsecond.
    if array.dtype == self.dtype and array.shape == shape:
      return array
    return self._cast(array, shape, value)

  def check_finite(self, array: np.ndarray) -> None:
    """Raises a NotFiniteError unless all numbers are finite in float32."""
    if not self._is_float:
      return
    flat = array.ravel()
    # As a Python number: comparing NumPy's own takes ten times as long.
    if float(flat.dot(flat)) < _PLAINLY_FINITE or is_finite(array):
      return
    where = ' in float32' if np.isfinite(array).all() else ''
    raise NotFiniteError(self.name, f'is not finite{where}', array)

  def _expect(self, shape: tuple[int, ...]) -> str:
    return f'should be {self.dtype.name} {list(shape)}, but'

  def _cast(
    self, array: np.ndarray, shape: tuple[int, ...], value: Any
  ) -> np.ndarray:
    if array.shape != shape or array.dtype.kind not in _KINDS[self.dtype.kind]:
      found = f'{array.dtype.name} {list(array.shape)}'
      raise MisfitError(
        self.name,
        f'{self._expect(shape)} is {"None" if value is None else found}',
        value,
      )
    with np.errstate(over='ignore'):
      cast = array.astype(self.dtype, copy=False)
    if not np.can_cast(array.dtype, self.dtype, 'safe'):
      is_lost = self._is_lost(array, cast)
      if is_lost.any():
        raise MisfitError(
          self.name,
          f'{self._expect(shape)} has {array[is_lost].flat[0]}, a number of '
          f'{array.dtype.name} that {self.dtype.name} does not hold',
          value,
        )
    return cast

  def _is_lost(self, array: np.ndarray, cast: np.ndarray) -> np.ndarray:
    """Where the numbers of an array exceed the dtype, of its shape."""
    if self.dtype.kind == 'f':
      return np.isfinite(array) & ~np.isfinite(cast)
    limits = np.iinfo(self.dtype)
    # As Python numbers, because the limits may exceed the array's own dtype.
    # Extremes first, because an image has many numbers.
    if not array.size or (
      limits.min <= int(array.min()) and int(array.max()) <= limits.max
    ):
      return np.zeros(array.shape, bool)
    numbers = array.astype(object)
    return np.asarray((numbers < limits.min) | (numbers > limits.max), bool)


class _Node(Protocol):
  """A part of a nest, or all of it."""

  def append_to(
    self, leaves: list[np.ndarray], value: Any, leading: tuple[int, ...]
  ) -> None:
    """Appends the arrays of a value."""
    ...

  def make(self, leaves: Iterator[Any]) -> Any:
    """Makes the part from the next leaves."""
    ...


class _LeafNode:
  def __init__(self, leaf: Leaf):
    self._cast = leaf.cast

  def append_to(
    self, leaves: list[np.ndarray], value: Any, leading: tuple[int, ...]
  ) -> None:
    leaves.append(self._cast(value, leading))

  def make(self, leaves: Iterator[Any]) -> Any:
    return next(leaves)


class _MappingNode:
  def __init__(self, name: str, parts: dict[str, _Node]):
    self._name = name
    self._parts = parts

  def append_to(
    self, leaves: list[np.ndarray], value: Any, leading: tuple[int, ...]
  ) -> None:
    is_mapping = type(value) is dict or isinstance(value, Mapping)
    if not is_mapping or value.keys() != self._parts.keys():
      found = (
        f'has {sorted(map(str, value))}'
        if is_mapping
        else f'is {_describe(value)}'
      )
      raise MisfitError(
        self._name,
        f'should be a dictionary with the keys {list(self._parts)}, but '
        f'{found}',
        value,
      )
    for key, part in self._parts.items():
      part.append_to(leaves, value[key], leading)

  def make(self, leaves: Iterator[Any]) -> Any:
    return {key: part.make(leaves) for key, part in self._parts.items()}


class _SequenceNode:
  def __init__(self, name: str, kind: type, parts: list[_Node]):
    self._name = name
    self._make: Any = getattr(kind, '_make', tuple)
    self._parts = parts

  def append_to(
    self, leaves: list[np.ndarray], value: Any, leading: tuple[int, ...]
  ) -> None:
    is_sequence = isinstance(value, tuple | list) or (
      isinstance(value, Sequence) and not isinstance(value, str)
    )
    if not is_sequence or len(value) != len(self._parts):
      found = f'has {len(value)}' if is_sequence else f'is {_describe(value)}'
      raise MisfitError(
        self._name,
        f'should be a sequence of {len(self._parts)} parts, but {found}',
        value,
      )
    for part, element in zip(self._parts, value, strict=True):
      part.append_to(leaves, element, leading)

  def make(self, leaves: Iterator[Any]) -> Any:
    return self._make(part.make(leaves) for part in self._parts)


class Nest:
  """A spec of a nest, prepared for fast checks.

  Attributes:
    leaves: its arrays in order, with dictionaries ordered by key.

  Examples:
    >>> parts = {'b': specs.Array((), np.int32), 'a': specs.Array((1,), float)}
    >>> nest = Nest(parts, 'observation')
    >>> nest.flatten({'b': 3, 'a': [0.5]})
    [array([0.5]), array(3, dtype=int32)]
    >>> nest.flatten({'b': 3, 'a': 0.5})
    Traceback (most recent call last):
      ...
    quinoa_acme.utils.nests.MisfitError: the observation['a'] should be \
float64 [1], but is float64 []
  """

  def __init__(self, spec: Any, name: str = ''):
    """Reads a spec.

    Args:
      spec: the spec; named tuples in it are rebuilt as such.
      name: the name of its values; empty for a named tuple, whose parts have
        their own names.
    """
    self.leaves: list[Leaf] = []
    self._root = self._read(spec, name)

  def flatten(
    self, value: Any, leading: tuple[int, ...] = ()
  ) -> list[np.ndarray]:
    """The arrays of a value, in the dtypes and shapes of the spec.

    Args:
      value: a value that should match the spec.
      leading: dimensions that each of its arrays has before the spec's.

    Returns:
      The arrays in order; those that match are not copied.

    Raises:
      MisfitError: if it does not match the spec; names the first wrong part.
    """
    leaves: list[np.ndarray] = []
    self._root.append_to(leaves, value, leading)
    return leaves

  def unflatten(self, leaves: Sequence[Any]) -> Any:
    """The nest with these leaves."""
    return self._root.make(iter(leaves))

  def _read(self, spec: Any, name: str) -> _Node:
    if isinstance(spec, Mapping):
      return _MappingNode(
        name,
        {
          key: self._read(spec[key], f'{name}[{key!r}]') for key in sorted(spec)
        },
      )
    if isinstance(spec, tuple | list):
      fields = getattr(spec, '_fields', None)
      names = (
        [f'{name}[{i}]' for i in range(len(spec))]
        if fields is None
        else [f'{name}.{field}' if name else field for field in fields]
      )
      return _SequenceNode(
        name,
        type(spec),
        [self._read(*x) for x in zip(spec, names, strict=True)],
      )
    leaf = Leaf(spec, name)
    self.leaves.append(leaf)
    return _LeafNode(leaf)


def _describe(value: Any) -> str:
  return 'None' if value is None else f'a {type(value).__name__}'
