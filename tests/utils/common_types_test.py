"""Tests of the types that are as Acme's."""

from acme import specs as acme_specs
from acme import types as acme_types

from quinoa_acme.utils import common_types


def test_a_transition_has_the_fields_of_acmes():
  ours, theirs = common_types.Transition, acme_types.Transition
  assert ours._fields == theirs._fields
  assert ours._field_defaults == theirs._field_defaults


def test_acmes_specs_have_what_ours_ask_for():
  wanted = {
    name for name in vars(common_types.EnvironmentSpec) if name[:1] != '_'
  }
  assert wanted == set(acme_specs.EnvironmentSpec._fields)
