"""Each agent's README says of every field what it is, and says it truly."""

import dataclasses
import pathlib

import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents import svg0

_QUINOA = quinoa.QuinoaConfig()
_SVG0 = svg0.SVG0Config()


def _row(agent, field: str) -> list[str]:
  readme = pathlib.Path(agent.__file__).parent / 'README.md'
  for line in readme.read_text().splitlines():
    if line.startswith(f'| `{field}`'):
      return [cell.strip() for cell in line.strip('|').split('|')]
  raise AssertionError(f'no row for {field}')


@pytest.mark.parametrize(
  'field', [field.name for field in dataclasses.fields(_QUINOA)]
)
def test_every_field_of_quinoa_has_a_true_row(field):
  _, paper, fixed, default = _row(quinoa, field)
  assert _show(getattr(quinoa.QuinoaConfig.paper(), field)) == paper.strip('`')
  assert _show(getattr(_QUINOA, field)) == default.strip('`')
  assert fixed


@pytest.mark.parametrize(
  'field', [field.name for field in dataclasses.fields(_SVG0)]
)
def test_every_field_of_svg0_has_a_true_row(field):
  _, default, meaning = _row(svg0, field)
  assert _show(getattr(_SVG0, field)) == default.strip('`')
  assert meaning


def _show(value) -> str:
  """The value as the README writes it, with all of its fields."""
  if not dataclasses.is_dataclass(value):
    return str(value)
  fields = [
    f'{field.name}={_show(getattr(value, field.name))}'
    for field in dataclasses.fields(value)
  ]
  return f'{type(value).__name__}({", ".join(fields)})'
