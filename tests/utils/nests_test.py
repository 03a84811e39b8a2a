"""Tests of nests: one order, and no number lost."""

import collections
import types

from dm_env import specs
import jax
import numpy as np
import pytest

from quinoa_acme.networks import mlp
from quinoa_acme.utils import nests

_ORDERED = collections.OrderedDict([('b', np.ones(2)), ('a', np.zeros(1))])


@pytest.mark.parametrize(
  'kind', [dict, collections.OrderedDict, lambda x: types.MappingProxyType(x)]
)
def test_mappings_are_dictionaries_by_key_at_every_depth(kind):
  parts = kind({'b': (kind(_ORDERED), 1.0), 'a': [2.0]})
  found = nests.canonical(parts)
  assert list(found) == ['a', 'b']
  assert type(found['b'][0]) is dict
  assert list(found['b'][0]) == ['a', 'b']
  # The order is that in which JAX, and so a learner's networks, take them.
  np.testing.assert_array_equal(
    np.hstack(jax.tree_util.tree_leaves(found)), [2, 0, 1, 1, 1]
  )


def test_networks_take_features_by_key_whatever_holds_them():
  parts = collections.OrderedDict((k, x[None]) for k, x in _ORDERED.items())
  for nest in (parts, dict(parts), types.MappingProxyType(parts)):
    np.testing.assert_array_equal(
      mlp.flatten_observation(nest), [[0.0, 1.0, 1.0]]
    )
  with pytest.raises(ValueError, match='observation has no numbers'):
    mlp.flatten_observation(np.zeros((2, 0)))


def test_what_is_owned_is_nobody_elses_to_change():
  owned = nests.own(_ORDERED | {'c': [np.ones(1)]})
  kept = nests.own(owned)
  owned['a'] += 1
  owned['c'][0][:] = 7
  assert kept['a'] == 0
  assert kept['c'][0] == 1
  assert _ORDERED['a'] == 0


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    ({'a': {2: specs.Array((), float)}}, r"observation\['a'\] has the key 2"),
    ({'a': [specs.StringArray(())]}, r"observation\['a'\]\[0\] is .*numbers"),
    (None, 'expected the spec of an array'),
  ],
)
def test_a_spec_that_is_none_of_numbers_by_name_is_refused(spec, message):
  with pytest.raises(ValueError, match=message):
    nests.canonical_spec(spec)


@pytest.mark.parametrize(
  ('dtype', 'value', 'expected'),
  [
    (np.float32, 0.1, np.float32(0.1)),
    (np.float32, 3, 3.0),
    (np.float32, np.inf, np.inf),
    (np.float64, np.float32(0.5), 0.5),
    (np.float32, True, 1.0),
    (np.uint8, 255, 255),
    (np.uint8, 256, 'has 256, a number of int64 that uint8 does not hold'),
    (np.uint8, -1, 'has -1'),
    (np.int32, 2**40, f'has {2**40}'),
    (np.int64, np.uint64(2**63), f'has {2**63}'),
    (np.int32, 1.0, r'should be int32 \[\], but is float64 \[\]'),
    (np.int32, True, 1),
    (np.bool_, 1, r'should be bool \[\], but is int64'),
    (np.float32, 1e300, r'has 1e\+300'),
    (np.float16, 70000, 'has 70000'),
    (np.float32, None, 'is None'),
    (np.float32, 'a', 'but is '),
    (np.float32, 1j, 'is complex128'),
    (np.float32, [1.0], r'is float64 \[1\]'),
    (np.float32, [[1.0], [1.0, 2.0]], 'is no array'),
  ],
)
def test_nothing_is_cast_that_does_not_fit(dtype, value, expected):
  leaf = nests.Leaf(specs.Array((), dtype), 'reward')
  if isinstance(expected, str):
    with pytest.raises(nests.MisfitError, match='the reward .*' + expected):
      leaf.cast(value)
    return
  found = leaf.cast(value)
  assert found.dtype == dtype
  assert found == expected


@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64])
def test_what_float32_does_not_hold_is_not_finite(dtype):
  leaf = nests.Leaf(specs.Array((2, 3), dtype), 'observation')
  array = np.zeros((2, 3), dtype)
  # The sum of squares of the largest is beyond its dtype.
  greatest = min(np.finfo(dtype).max, np.finfo(np.float32).max)
  for number in (0, 1, -greatest, greatest):
    array[1] = number
    leaf.check_finite(array)
  wrong = [np.nan, np.inf, -np.inf] + [1e39] * (dtype == np.float64)
  for number in wrong:
    array[0, 1] = number
    with pytest.raises(nests.NotFiniteError, match='is not finite') as error:
      leaf.check_finite(array)
    assert ('in float32' in str(error.value)) == (number == 1e39)


def test_another_nest_is_refused_by_name():
  spec = {'a': specs.Array((), float), 'b': (specs.Array((), float),)}
  nest = nests.Nest(spec, 'observation')
  for value, message in (
    ({'a': 1.0}, r"the observation should be .*\['a', 'b'\], but has \['a'\]"),
    ({'a': 1.0, 'b': (1.0,), 'c': 0}, r"but has \['a', 'b', 'c'\]"),
    (np.zeros(2), 'but is a ndarray'),
    (
      {'a': 1.0, 'b': ()},
      r"observation\['b'\] should be .* 1 parts, but has 0",
    ),
    ({'a': 1.0, 'b': 1.0}, r"observation\['b'\] should .*, but is a float"),
  ):
    with pytest.raises(nests.MisfitError, match=message):
      nest.flatten(value)
  assert nest.unflatten(nest.flatten({'b': [2.0], 'a': 1.0})) == {
    'a': 1.0,
    'b': (2.0,),
  }
