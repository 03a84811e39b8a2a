"""No option of any agent takes a number that float32 could not compute with."""

import dataclasses
import math
import typing

import pytest

from quinoa_acme.agents import agents
from quinoa_acme.utils import options


def _fields():
  kinds = set(agents.CONFIGS.values())
  for kind in agents.CONFIGS.values():
    kinds |= {*options.option_types_of(kind).values()}
  return [
    pytest.param(kind, field.name, id=f'{kind.__name__}.{field.name}')
    for kind in sorted(kinds, key=lambda kind: kind.__name__)
    for field in dataclasses.fields(kind)
    if typing.get_type_hints(kind)[field.name] is float
  ]


@pytest.mark.parametrize(('kind', 'name'), _fields())
def test_what_is_not_finite_in_float32_is_refused(kind, name):
  assert math.isfinite(getattr(kind(), name))
  for number in (1e39, -1e39, math.inf, -math.inf, math.nan):
    with pytest.raises(ValueError, match=r'\w'):
      kind(**{name: number})


def test_there_are_options_to_look_at():
  names = {param.id for param in _fields()}
  assert {'TiltedFlowConfig.max_tilt', 'SACConfig.tau'} <= names
