"""Tests of how old samples are, and of reading ahead of them."""

import itertools
import os
import threading
import time

from acme import types as acme_types
import numpy as np
import pytest
import reverb
import waiting

from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import samples as samples_lib


def _transition(i: int) -> acme_types.Transition:
  return acme_types.Transition(
    observation=np.full(3, i, np.float32),
    action=np.zeros(2, np.float32),
    reward=np.float32(i),
    discount=np.float32(1.0),
    next_observation=np.full(3, i + 1, np.float32),
  )


@pytest.mark.parametrize('num_inserted', [1, 4, 5, 13])
def test_the_age_in_one_process_is_the_number_of_later_inserts(
  make_spec, num_inserted
):
  replay = replay_lib.TransitionReplay(make_spec(), max_size=5, seed=0)
  for i in range(num_inserted):
    replay.insert(_transition(i))
  for sample in itertools.islice(replay.as_iterator(7), 3):
    # The reward tells which insert it was.
    np.testing.assert_array_equal(sample.info.priority, sample.data.reward)
    assert set(sample.info.table_size) == {min(num_inserted, 5)}


def test_the_mean_is_of_the_steps_made_since(as_samples):
  def sample(made_before, size):
    info = reverb.SampleInfo(
      key=np.arange(2),
      probability=np.ones(2),
      table_size=np.array([size - 1, size]),
      priority=np.array(made_before),
    )
    return reverb.ReplaySample(info, None)

  samples = iter([sample([10.0, 20.0], 8), sample([40.0, 40.0], 9)])
  ages = samples_lib.SampleAges(samples)
  assert ages.measure(100) == {}
  assert ages.last is None
  next(ages)
  assert ages.measure(100) == {'sample_age': 85.0, 'replay_size': 8}
  # What the learner knows of the actors may be of a moment ago.
  next(ages)
  assert ages.measure(39) == {'sample_age': 0.0, 'replay_size': 9}
  assert ages.last == 0.0


def test_stoppable_iterator_passes_items_on_in_order():
  iterator = samples_lib.StoppableIterator(lambda: iter(range(5)))
  assert list(iterator) == [0, 1, 2, 3, 4]


def test_stoppable_iterator_passes_the_error_on():
  def fail():
    yield 1
    raise RuntimeError('no more')

  iterator = samples_lib.StoppableIterator(fail)
  assert next(iterator) == 1
  with pytest.raises(RuntimeError, match='no more'):
    next(iterator)


def test_stoppable_iterator_leaves_one_that_blocks():
  release = threading.Event()

  def block():
    release.wait(waiting.LIMIT)
    yield 1

  iterator = samples_lib.StoppableIterator(block)
  calls = itertools.count()
  iterator.stop_when(lambda: next(calls) > 2)
  started = time.monotonic()
  with pytest.raises(StopIteration):
    next(iterator)
  assert time.monotonic() - started < waiting.allowed(5.0)
  release.set()


def test_stoppable_iterator_reads_in_a_thread_that_gives_way():
  def niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

  before = niceness()

  def read():
    yield niceness()

  assert next(samples_lib.StoppableIterator(read)) == max(before, 10)
  assert niceness() == before
