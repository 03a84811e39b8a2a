"""Our specs are Acme's, by another class."""

from acme import specs as acme_specs

from quinoa_acme import environments
from quinoa_acme.utils import specs


def test_the_specs_of_an_environment_are_as_acmes():
  assert specs.EnvironmentSpec._fields == acme_specs.EnvironmentSpec._fields
  environment = environments.make_environment('control:cartpole:swingup', 0)
  own = specs.make_environment_spec(environment)
  assert own == acme_specs.make_environment_spec(environment)


def test_arrays_are_described_by_the_same_classes():
  for name in ('Array', 'BoundedArray', 'DiscreteArray'):
    assert getattr(specs, name) is getattr(acme_specs, name)
