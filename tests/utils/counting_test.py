"""Our counter gives what Acme's gives."""

import math
import threading

from acme.utils import counting as acme_counting
import numpy as np
import pytest

from quinoa_acme.utils import counting

_MODULES = (counting, acme_counting)


@pytest.mark.parametrize('prefix', ['', 'actor'])
@pytest.mark.parametrize('time_delta', [-math.inf, 1e9])
@pytest.mark.parametrize('only_prefixed', [False, True])
def test_it_counts_as_acmes_does(prefix, time_delta, only_prefixed):
  found = []
  for module in _MODULES:
    parent = module.Counter()
    children = [
      module.Counter(parent, prefix, time_delta, only_prefixed),
      module.Counter(parent, 'learner', time_delta),
    ]
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(20):
      child = children[rng.integers(2)]
      name = ('steps', 'walltime')[rng.integers(2)]
      rows.append(child.increment(**{name: float(rng.integers(5))}))
      rows += [x.get_counts() for x in (parent, *children)]
    saved = children[0].save()
    again = module.Counter(parent, prefix, time_delta, only_prefixed)
    again.restore(saved)
    rows += [saved, again.get_counts(), parent.get_counts()]
    found.append(rows)
  assert found[0] == found[1]


@pytest.mark.parametrize('parents', _MODULES)
@pytest.mark.parametrize('children', _MODULES)
def test_either_may_be_the_parent_of_either(parents, children):
  parent = parents.Counter()
  child = children.Counter(parent, 'actor', -math.inf)
  assert child.increment(steps=2) == {'actor_steps': 2}
  assert parent.get_counts() == {'actor_steps': 2}


def test_no_count_of_several_threads_is_lost():
  counter = counting.Counter()

  def count():
    for _ in range(1000):
      counter.increment(steps=1)

  threads = [threading.Thread(target=count) for _ in range(4)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert counter.get_counts() == {'steps': 4000}
