"""Tests of packed transitions, alone and by way of a server."""

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

from quinoa_acme import packing

_DTYPES = (np.float32, np.float64, np.int32, np.uint8, np.bool_)
_SHAPES = ((), (1,), (3,), (2, 3), (0,))


@strategies.composite
def _arrays(draw):
  return specs.Array(
    draw(strategies.sampled_from(_SHAPES)),
    draw(strategies.sampled_from(_DTYPES)),
    'part',
  )


_OBSERVATIONS = strategies.recursive(
  _arrays(),
  lambda parts: strategies.one_of(
    strategies.dictionaries(strategies.sampled_from('cab'), parts, min_size=1),
    strategies.tuples(parts, parts),
  ),
  max_leaves=4,
)


def _make_spec(observations, actions=None):
  return specs.EnvironmentSpec(
    observations=observations,
    actions=actions or specs.BoundedArray((2,), np.float64, -1, 1),
    rewards=specs.Array((), np.float32),
    discounts=specs.BoundedArray((), np.float32, 0, 1),
  )


def _draw(spec, rng):
  return tree.map_structure(
    lambda x: rng.integers(0, 2, x.shape).astype(x.dtype), spec
  )


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(_OBSERVATIONS, strategies.integers(0, 99))
def test_what_is_unpacked_is_what_was_packed(observations, seed):
  spec = _make_spec(observations)
  rng = np.random.default_rng(seed)
  rows = [
    types.Transition(
      _draw(spec.observations, rng),
      _draw(spec.actions, rng),
      _draw(spec.rewards, rng),
      _draw(spec.discounts, rng),
      _draw(spec.observations, rng),
    )
    for _ in range(3)
  ]
  layout = packing.Packing(spec)
  packed = np.stack(
    [
      np.frombuffer(
        b''.join(
          layout.pack_part(name, getattr(row, name))
          for name in row._fields
          if name != 'extras'
        ),
        np.uint8,
      )
      for row in rows
    ]
  )
  assert packed.shape == (3, layout.num_bytes)
  # As the other side of a server knows it.
  other = packing.Packing.from_signature(layout.signature())
  unpacked = other.unpack(packed)
  expected = tree.map_structure(lambda *leaves: np.stack(leaves), *rows)
  tree.assert_same_structure(unpacked, expected)
  for left, right in zip(
    tree.flatten(unpacked), tree.flatten(expected), strict=True
  ):
    assert left.dtype == right.dtype
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
  ('name', 'value', 'message'),
  [
    ('action', np.zeros(3), r'action should be float64 \[2\].*float64 \[3\]'),
    ('action', np.zeros(2, complex), 'action should be float64'),
    ('reward', np.zeros(1), r'reward should be float32 \[\], .*float64 \[1\]'),
    ('observation', np.zeros(2), r'observation should be int32 \[2\]'),
  ],
)
def test_what_does_not_fit_is_refused(name, value, message):
  layout = packing.Packing(_make_spec(specs.Array((2,), np.int32)))
  with pytest.raises(ValueError, match=message):
    layout.pack_part(name, value)


def _serve(signature):
  return reverb.Server(
    [
      reverb.Table(
        'table',
        sampler=reverb.selectors.Fifo(),
        remover=reverb.selectors.Fifo(),
        max_size=100,
        max_times_sampled=1,
        rate_limiter=reverb.rate_limiters.MinSize(1),
        signature=signature,
      )
    ]
  )


def _episodes(spec, rng):
  """Two episodes, the second cut off."""
  for length in (4, 3):
    yield dm_env.restart(_draw(spec.observations, rng))
    for step in range(length):
      ends = step == length - 1
      yield dm_env.TimeStep(
        dm_env.StepType.LAST if ends else dm_env.StepType.MID,
        np.float32(rng.normal()),
        np.float32(length == 3 or not ends),
        _draw(spec.observations, rng),
      )


def _add(adder, timesteps):
  rng = np.random.default_rng(1)
  for timestep in timesteps:
    if timestep.first():
      adder.add_first(timestep)
    else:
      # An actor without extras gives None.
      adder.add(rng.uniform(-1, 1, 2), timestep, extras=None)


def _read(server, num_items):
  samples = server.localhost_client().sample(
    'table', num_items, emit_timesteps=False
  )
  return [sample.data for sample in samples]


def test_what_is_added_is_what_acme_s_adder_adds():
  spec = _make_spec({'a': specs.Array((2,), np.float32)})
  timesteps = list(_episodes(spec, np.random.default_rng(0)))
  ours = _serve(packing.Packing(spec).signature())
  _add(packing.TransitionAdder(ours.localhost_client(), 'table'), timesteps)
  acme_s = _serve(adders_reverb.NStepTransitionAdder.signature(spec))
  _add(
    adders_reverb.NStepTransitionAdder(
      acme_s.localhost_client(), 1, 1.0, priority_fns={'table': None}
    ),
    timesteps,
  )
  found = packing.Packing(spec).unpack(np.stack(_read(ours, 7)).reshape(7, -1))
  for left, right in zip(
    tree.flatten(found),
    zip(*map(tree.flatten, _read(acme_s, 7)), strict=True),
    strict=True,
  ):
    np.testing.assert_array_equal(left, np.stack(right).reshape(left.shape))
  for server in (ours, acme_s):
    server.stop()


def test_an_observation_that_the_environment_writes_over_is_kept():
  spec = _make_spec(specs.Array((2,), np.float32))
  server = _serve(packing.Packing(spec).signature())
  adder = packing.TransitionAdder(server.localhost_client(), 'table')
  buffer = np.zeros(2, np.float32)
  adder.add_first(dm_env.restart(buffer))
  buffer += 1
  adder.add(np.zeros(2), dm_env.termination(0.0, buffer))
  buffer += 1
  found = packing.Packing(spec).unpack(
    np.stack(_read(server, 1)).reshape(1, -1)
  )
  np.testing.assert_array_equal(found.observation, [[0, 0]])
  np.testing.assert_array_equal(found.next_observation, [[1, 1]])
  server.stop()


def test_an_adder_out_of_turn_says_so():
  spec = _make_spec(specs.Array((2,), np.float32))
  server = _serve(packing.Packing(spec).signature())
  adder = packing.TransitionAdder(server.localhost_client(), 'table')
  observation = np.zeros(2, np.float32)
  later = dm_env.transition(np.float32(0), observation)
  with pytest.raises(ValueError, match='call add_first before add'):
    adder.add(np.zeros(2), later)
  with pytest.raises(ValueError, match='needs the first time step'):
    adder.add_first(later)
  adder.add_first(dm_env.restart(observation))
  with pytest.raises(ValueError, match='no place for extras'):
    adder.add(np.zeros(2), later, extras={'log_prob': 0.0})
  server.stop()


def test_a_table_of_another_kind_is_named():
  spec = _make_spec(specs.Array((2,), np.float32))
  server = _serve(adders_reverb.NStepTransitionAdder.signature(spec))
  with pytest.raises(ValueError, match='not of packed transitions'):
    packing.TransitionAdder(server.localhost_client(), 'table')
  server.stop()
