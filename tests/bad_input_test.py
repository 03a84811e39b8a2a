"""Goes through the table of wrong values, and through the flags and fields."""

import copy
import dataclasses
import pathlib
import re
import shlex
from typing import NamedTuple

from absl import flags
import pytest

from quinoa_acme import command_line
from quinoa_acme import options
from quinoa_acme import run_folder
from quinoa_acme import running
from quinoa_acme.agents import off_policy

_PAGE = pathlib.Path(__file__).resolve().parents[1] / 'docs' / 'bad-input.md'
_SCRIPT = re.compile(r'^## run_(\w+)\.py$', re.MULTILINE)
_ROW = re.compile(
  r'^\| `?([\w.-]+|any other)`? \| .* \| `(.*?)` \| `(.*?)` \|$'
)


class _Row(NamedTuple):
  algorithm: str
  name: str
  arguments: list[str]
  message: str


def _read_table() -> list[_Row]:
  _, *parts = _SCRIPT.split(_PAGE.read_text())
  rows = []
  for algorithm, text in zip(parts[::2], parts[1::2], strict=True):
    for line in text.split('\n## ')[0].splitlines():
      if match := _ROW.match(line):
        name, example, message = match.groups()
        rows.append(_Row(algorithm, name, shlex.split(example), message))
  return rows


_TABLE = _read_table()


def _flags_of(algorithm: str) -> flags.FlagValues:
  values = flags.FlagValues()
  values['lp_launch_type'] = copy.deepcopy(flags.FLAGS['lp_launch_type'])
  command_line.define_flags(algorithm, values)
  return values


def _begin(row: _Row) -> None:
  """Does what a script does before it trains."""
  values = _flags_of(row.algorithm)
  values(['script', *row.arguments])
  config, _ = command_line.read_flags(row.algorithm, values)
  with run_folder.hold(config.workdir):
    pass


@pytest.mark.parametrize('row', _TABLE, ids=lambda row: ' '.join(row.arguments))
def test_a_wrong_value_says_what_the_table_says(row, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises((flags.Error, ValueError)) as error:
    _begin(row)
  assert row.message in str(error.value)
  assert not list(tmp_path.iterdir())


def _fields(kind: type) -> set[str]:
  return {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize('algorithm', running.PRESETS)
def test_every_flag_has_a_row(algorithm):
  found = {row.name for row in _TABLE if row.algorithm == algorithm}
  wanted = {f'--{name}' for name in _flags_of(algorithm)}
  if algorithm != 'quinoa':
    shared = {f'--{name}' for name in _flags_of('quinoa')}
    wanted -= shared
    found |= {f'--{name}' for name in _fields(off_policy.OffPolicyConfig)}
  assert wanted <= found


@pytest.mark.parametrize('algorithm', running.PRESETS)
def test_every_field_of_an_option_has_a_row(algorithm):
  kind = type(running.find_preset(algorithm, 'default')())
  found = {row.name for row in _TABLE}
  wanted = {
    f'{name}.{field}'
    for name, option in options.option_types_of(kind).items()
    for field in _fields(option)
  }
  assert wanted <= found


def test_without_a_flag_all_is_well():
  for algorithm in running.PRESETS:
    values = _flags_of(algorithm)
    values(['script', '--lp_launch_type=local_mp', '--seed=7'])
    config, launch_type = command_line.read_flags(algorithm, values)
    assert config.agent == running.find_preset(algorithm, 'default')()
    assert config.seed == 7
    assert launch_type == 'local_mp'
