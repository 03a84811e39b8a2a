"""The agent's README says of every field what it is, and says it truly."""

import dataclasses
import pathlib

import pytest

from quinoa_acme.agents import quinoa

_README = pathlib.Path(quinoa.__file__).parent / 'README.md'


def _row(field: str) -> list[str]:
  for line in _README.read_text().splitlines():
    if line.startswith(f'| `{field}`'):
      return [cell.strip() for cell in line.strip('|').split('|')]
  raise AssertionError(f'no row for {field}')


@pytest.mark.parametrize(
  'field', [field.name for field in dataclasses.fields(quinoa.QuinoaConfig)]
)
def test_every_field_has_a_true_row(field):
  _, paper, fixed, default = _row(field)
  assert _show(getattr(quinoa.QuinoaConfig.paper(), field)) == paper.strip('`')
  assert _show(getattr(quinoa.QuinoaConfig(), field)) == default.strip('`')
  assert fixed


def _show(value) -> str:
  """The value as the README writes it, with all of its fields."""
  if not dataclasses.is_dataclass(value):
    return str(value)
  fields = [
    f'{field.name}={_show(getattr(value, field.name))}'
    for field in dataclasses.fields(value)
  ]
  return f'{type(value).__name__}({", ".join(fields)})'
