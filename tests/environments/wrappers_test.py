"""Our wrappers do what Acme's do."""

import copy
import pickle

from acme import wrappers as acme_wrappers
import dm_env
from dm_env import specs
import numpy as np
import pytest
import tree

from quinoa_acme.environments import wrappers


class _Environment(dm_env.Environment):
  """Observations of several dtypes, in no order."""

  name = 'several'
  closed = False

  def observation_spec(self):
    return {
      'b': specs.Array((2,), np.float64, 'b'),
      'a': specs.BoundedArray((), np.int64, 0, 2**40, 'a'),
      'c': specs.BoundedArray((1,), np.float32, -1, 1, 'c'),
      'd': specs.Array((3,), np.uint8, 'd'),
      'e': specs.Array((1,), np.longlong, 'e'),
      'f': specs.Array((1,), np.dtype('>f8'), 'f'),
    }

  def action_spec(self):
    return specs.BoundedArray((1,), np.float64, -0.1, 0.1, 'action')

  def _observe(self, value):
    return {
      key: np.full(spec.shape, value * 1.1, spec.dtype)
      for key, spec in self.observation_spec().items()
    }

  def reset(self):
    return dm_env.restart(self._observe(0))

  def step(self, action):
    assert np.asarray(action).dtype == np.float64
    return dm_env.transition(float(action[0]) / 3, self._observe(3), 1 / 3)

  def close(self):
    self.closed = True


def _compare(own, acme):
  for name in (
    'observation_spec',
    'action_spec',
    'reward_spec',
    'discount_spec',
  ):
    found, wanted = getattr(own, name)(), getattr(acme, name)()
    tree.map_structure(lambda x, y: _check_same_spec(x, y), found, wanted)
  for call in (lambda x: x.reset(), lambda x: x.step(np.array([0.1]))):
    found, wanted = call(own), call(acme)
    assert found.step_type == wanted.step_type
    tree.map_structure(_check_same, found[1:], wanted[1:])


def _check_same_spec(own, acme):
  assert type(own) is type(acme)
  assert repr(own) == repr(acme)


def _check_same(own, acme):
  assert type(own) is type(acme)
  if own is not None:
    assert np.asarray(own).dtype == np.asarray(acme).dtype
    np.testing.assert_array_equal(own, acme)


@pytest.mark.parametrize(
  'name',
  ['EnvironmentWrapper', 'SinglePrecisionWrapper', 'ConcatObservationWrapper'],
)
def test_a_wrapper_does_what_acmes_does(name):
  own, acme = (
    getattr(x, name)(_Environment()) for x in (wrappers, acme_wrappers)
  )
  if name == 'EnvironmentWrapper':
    assert own.observation_spec() == acme.observation_spec()
  else:
    _compare(own, acme)
  assert own.name == 'several'
  own.close()
  assert own.environment.closed


def test_parts_are_chosen_by_name():
  own, acme = (
    module.ConcatObservationWrapper(_Environment(), ['e', 'b', 'none'])
    for module in (wrappers, acme_wrappers)
  )
  _compare(own, acme)


def test_one_may_wrap_another_and_be_copied():
  environment = wrappers.SinglePrecisionWrapper(
    wrappers.ConcatObservationWrapper(_Environment())
  )
  for again in (
    copy.deepcopy(environment),
    pickle.loads(pickle.dumps(environment)),
  ):
    np.testing.assert_array_equal(
      again.reset().observation, environment.reset().observation
    )
  with pytest.raises(AttributeError):
    _ = environment.nothing
