"""Tests of adders for several environments: those of one, together."""

import collections

from acme import specs
import dm_env
import hypothesis
from hypothesis import strategies
import numpy as np
import pytest

from quinoa_acme.data import batched_adders
from quinoa_acme.data import packing
from quinoa_acme.data import replay as replay_lib

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
    self._packing = packing.Packing(_SPEC, window)
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
  adders = [replay_lib.make_adder(apart, 1, window, discount) for _ in range(3)]
  each = _Rows(window)
  batched = [
    batched_adders.BatchedWindowAdder(together, 3, window, discount),
    batched_adders.AdderEach(
      [replay_lib.make_adder(each, 1, window, discount) for _ in range(3)]
    ),
  ]
  rng = np.random.default_rng(seed)
  begins = [True] * 3
  for turn in ends:
    for i in range(3):
      if begins[i]:
        first = dm_env.restart(_observe(rng))
        adders[i].add_first(first)
        for adder in batched:
          adder.add_first(i, _disorder(first))
    actions = rng.uniform(-1, 1, (3, 2))
    steps = [_step(rng, is_end) for is_end in turn]
    for adder, action, step in zip(adders, actions, steps, strict=True):
      adder.add(action, step)
    for adder in batched:
      adder.add(actions, list(map(_disorder, steps)))
    begins = turn
    # After each turn, though in another order, and to the bit.
    assert sorted(together.rows) == sorted(apart.rows)
    assert sorted(each.rows) == sorted(apart.rows)


def test_the_end_of_an_episode_waits_until_it_is_in_replay():
  rows = _Rows(2)
  adder = batched_adders.BatchedWindowAdder(rows, 2, 2, 0.9)
  rng = np.random.default_rng(0)
  for i in range(2):
    adder.add_first(i, dm_env.restart(_observe(rng)))
  adder.add(np.zeros((2, 2)), [_step(rng, False), _step(rng, False)])
  assert not rows.flushed
  adder.add(np.zeros((2, 2)), [_step(rng, True), _step(rng, False)])
  assert rows.flushed == 1


def test_each_episode_must_be_started():
  rows = _Rows(1)
  adder = batched_adders.BatchedWindowAdder(rows, 2, 1, 0.9)
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
    adder = batched_adders.BatchedWindowAdder(rows, 1, 2, 0.9)
    adder.add_first(0, dm_env.restart(give(observations[0])))
    for observation in observations[1:]:
      step = _step(np.random.default_rng(0), False)
      adder.add(
        np.zeros((1, 2)), [step._replace(observation=give(observation))]
      )
    found.append(rows.rows)
  assert len(found[0]) == 2
  assert found[0] == found[1]
