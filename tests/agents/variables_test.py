"""Tests of parameters on their way to who acts with them."""

from acme import core
import jax
import numpy as np
import pytest

from quinoa_acme.agents import variables


class _Source(core.VariableSource):
  def __init__(self, **trees):
    self._trees = trees

  def get_variables(self, names):
    return [self._trees[name] for name in names]


@pytest.mark.parametrize('as_array', [np.array, jax.numpy.array])
def test_parameters_come_as_arrays_on_the_cpu(as_array):
  tree = {'linear': {'w': as_array([[1.0, 2.0]]), 'b': as_array([3])}}
  source = variables.OnCPU(_Source(policy=tree, value=as_array(4.0)))
  found, value = source.get_variables(['policy', 'value'])
  for left, right in zip(
    jax.tree_util.tree_leaves([found, value]),
    jax.tree_util.tree_leaves([tree, as_array(4.0)]),
    strict=True,
  ):
    assert isinstance(left, jax.Array)
    assert {device.platform for device in left.devices()} == {'cpu'}
    np.testing.assert_array_equal(left, right)
  assert jax.tree_util.tree_structure(found) == (
    jax.tree_util.tree_structure(tree)
  )


def test_what_the_source_changes_later_is_not_seen():
  # Of a size and an address that could be shared.
  memory = np.zeros(2**12 + 64, np.float32)
  begin = -memory.ctypes.data // memory.itemsize % 16
  weights = memory[begin : begin + 2**12]
  assert weights.ctypes.data % 64 == 0
  [found] = variables.OnCPU(_Source(policy=weights)).get_variables(['policy'])
  weights += 1.0
  assert not np.any(found)


def test_a_name_that_is_not_served_is_the_source_s_to_refuse():
  with pytest.raises(KeyError):
    variables.OnCPU(_Source()).get_variables(['policy'])
