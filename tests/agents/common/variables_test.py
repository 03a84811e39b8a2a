"""Tests of parameters on their way to who acts with them."""

from acme import core
from acme.agents.jax import actor_core
from acme.jax import variable_utils
import jax
import numpy as np
import pytest

from quinoa_acme.agents.common import variables


class _Source(core.VariableSource):
  def __init__(self, **trees):
    self._trees = trees

  def get_variables(self, names):
    return [self._trees[name] for name in names]


@pytest.mark.parametrize('as_array', [np.array, jax.numpy.array])
def test_parameters_come_joined_on_the_cpu(as_array):
  tree = {
    'linear': {'w': as_array([[1.0, 2.0]], np.float32), 'b': as_array([3])},
    # More than float32 could tell apart.
    'counts': (as_array([2**31 - 1, 5], np.int32), as_array(True)),
    'norm': as_array([4.0, 5.0], np.float32),
  }
  source = variables.JoinedOnCPU(
    _Source(policy=tree, value=as_array(4.0, np.float32), none=())
  )
  found, value, none = source.get_variables(['policy', 'value', 'none'])
  arrays = jax.tree_util.tree_leaves([found, value])
  # Two joined, three of other dtypes, and one alone.
  assert len(arrays) == (1 + 3) + 1
  for array in arrays:
    assert isinstance(array, jax.Array)
    assert {device.platform for device in array.devices()} == {'cpu'}
  assert none.split() == ()
  assert jax.tree_util.tree_structure(found.split()) == (
    jax.tree_util.tree_structure(tree)
  )
  for left, right in zip(
    jax.tree_util.tree_leaves([found.split(), value.split()]),
    jax.tree_util.tree_leaves([tree, as_array(4.0, np.float32)]),
    strict=True,
  ):
    assert left.dtype == jax.numpy.asarray(right).dtype
    np.testing.assert_array_equal(left, right)


def test_large_arrays_stay_apart():
  """A product with a part of a vector takes many times as long."""
  tree = {'w': np.ones((512, 512), np.float32), 'b': np.ones(512, np.float32)}
  joined = variables.JoinedParams.join(tree)
  assert [array.shape for array in joined.apart] == [(512, 512)]
  assert joined.vector.shape == (512,)
  for name, array in joined.split().items():
    np.testing.assert_array_equal(array, tree[name])


def test_what_acts_is_compiled_once_for_all_parameters_of_a_policy():
  traced = []

  def policy(params, key, observation):
    del key
    traced.append(params)
    return observation @ params['w'] + params['b']

  act = jax.jit(
    variables.with_joined_params(
      actor_core.batched_feed_forward_to_actor_core(policy)
    ).select_action
  )
  state = jax.random.PRNGKey(0)
  for factor in (1.0, 2.0):
    params = {'w': factor * np.eye(2, dtype=np.float32), 'b': np.ones((1, 2))}
    [joined] = variables.JoinedOnCPU(_Source(policy=params)).get_variables(
      ['policy']
    )
    action, state = act(joined, np.array([3.0, 4.0], np.float32), state)
    np.testing.assert_array_equal(action, factor * np.array([3, 4]) + 1)
  assert len(traced) == 1
  # Another structure is another policy's.
  other = variables.JoinedParams.join({'w': np.eye(2), 'b': np.zeros((1, 1))})
  action, _ = act(other, np.array([3.0, 4.0], np.float32), state)
  np.testing.assert_array_equal(action, [3, 4])


def test_what_the_source_changes_later_is_not_seen():
  # Of a size and an address that could be shared.
  memory = np.zeros(2**12 + 64, np.float32)
  begin = -memory.ctypes.data // memory.itemsize % 16
  weights = memory[begin : begin + 2**12]
  assert weights.ctypes.data % 64 == 0
  source = variables.JoinedOnCPU(_Source(policy=weights))
  [found] = source.get_variables(['policy'])
  weights += 1.0
  assert not np.any(found.split())


def test_a_name_that_is_not_served_is_the_source_s_to_refuse():
  with pytest.raises(KeyError):
    variables.JoinedOnCPU(_Source()).get_variables(['policy'])


class _Numbered(core.VariableSource):
  """Serves the number of the request."""

  def __init__(self):
    self.requests = 0

  def get_variables(self, names):
    assert list(names) == ['policy']
    self.requests += 1
    return [self.requests]


@pytest.mark.parametrize('period', [1, 3])
def test_a_client_asks_as_often_as_acmes(period):
  sources = _Numbered(), _Numbered()
  clients = (
    variables.VariableClient(sources[0], 'policy', period),
    variable_utils.VariableClient(sources[1], 'policy', period),
  )
  rng = np.random.default_rng(0)
  for _ in range(40):
    ask = rng.integers(3)
    for client, source in zip(clients, sources, strict=True):
      before = source.requests
      if ask:
        client.update(wait=ask == 1)
        # A request in another thread is over before the next call.
        client._executor.submit(int).result()
      assert client.params == source.requests
      assert source.requests - before <= 1
    assert sources[0].requests == sources[1].requests
